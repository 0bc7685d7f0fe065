"""The mirror: a local copy of the conversations, in SQLAlchemy Core, indexed for what people ask.

It holds nothing that Convocore could not give again, so a new schema means a new mirror, never a
migration. Every change of a conversation is a new *version* of its row, numbered in one sequence:
`seq` began it, `until` ended it. So a list can be read page by page as it was when its first page
was read, and what happened between two numbers is a query. Old versions are pruned.

`schema` has the tables (`columns` their types), `engine` opens them. `mirror` writes, `coverage`
says how far that got, `people` keeps the leads (`closure` finds who may be one, `lookup` what they
are called). `queries` reads: `finding` lists and counts conversations (`search` by words,
`conditions` by numbers), `stats` and `hot` add up, `memo` keeps what was counted, `browse` looks at
little things. `turn` sees to it that one process at a time reads an agent. What a lead is, and
what a row is found by, comes in as functions (`Rules`).
"""
