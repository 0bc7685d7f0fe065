"""An evaluation: are the answers to questions that people ask right and small?

A question has the words of the person who asks it, the tool calls that a model makes for it, the
expected facts, and a budget in tokens. `oracle` computes the facts from Convocore's rows, without
the package's code, by the rules of docs/contract.md. `runner` asks a real server; `alternatives`
lets other ways of answering try the same questions.
"""

from benchmarks.questions import changes, hot_leads, lists, one_person, stats

BEFORE_CHANGES = (
    *hot_leads.QUESTIONS, *one_person.QUESTIONS, *lists.QUESTIONS, *stats.QUESTIONS,
)  # fmt: skip
"""Asked while the list does not change."""
AFTER_CHANGES = changes.QUESTIONS
"""Asked after `changes.apply_changes`."""
QUESTIONS = (*BEFORE_CHANGES, *AFTER_CHANGES)
