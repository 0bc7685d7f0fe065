"""The mirror: a local copy of Convocore's conversations, in SQLAlchemy Core.

The mirror holds nothing that Convocore could not give again. So a new schema means a new mirror,
never a migration.

Every change of a conversation is a new *version*, a row with the sequence numbers `valid_from` and
`valid_to`. So a list can be read page by page as it was when its first page was read, and "what
changed between two sequence numbers" is a query. Old versions are pruned after a week.

`database/` has the tables and opens them, `write/` is for `sync` alone, `read/` answers questions.
The store does not know what a lead is: it is given the rules (`write.mirror_writer.Rules`).
"""
