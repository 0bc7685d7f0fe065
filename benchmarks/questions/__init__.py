"""An evaluation: are the answers to questions that people ask right and small?

A question has the words of the person who asks it, the tool calls that a model makes for it, the
expected facts, and a budget in tokens. `askers` holds questions by who asks them, the other modules
by what answers them. `truth` computes the facts from Convocore's rows, without the package's code,
by the rules of docs/contract.md. `runner` asks a real server; `alternatives` lets other ways of
answering try the same questions.
"""

from benchmarks.questions import changes, hot_leads, lists, one_person, stats
from benchmarks.questions.askers import (
    agency_owner,
    automation_builder,
    call_centre,
    crm_admin,
    data_protection,
    finance,
    founder,
    marketer,
    quality_reviewer,
    sales_rep,
    support_manager,
    typed_lookups,
)  # fmt: skip

BEFORE_CHANGES = (
    *hot_leads.QUESTIONS, *one_person.QUESTIONS, *lists.QUESTIONS, *stats.QUESTIONS,
    *sales_rep.QUESTIONS, *support_manager.QUESTIONS, *marketer.QUESTIONS, *finance.QUESTIONS,
    *call_centre.QUESTIONS, *founder.QUESTIONS, *crm_admin.QUESTIONS,
    *automation_builder.QUESTIONS, *data_protection.QUESTIONS, *typed_lookups.QUESTIONS,
)  # fmt: skip
"""Asked while the list does not change."""
AFTER_CHANGES = changes.QUESTIONS
"""Asked after `changes.apply_changes`."""
ABOUT_AGENCY = (*agency_owner.QUESTIONS, *quality_reviewer.QUESTIONS)
"""Asked about two agents, with transcripts in the plan (`agency`)."""
QUESTIONS = (*BEFORE_CHANGES, *AFTER_CHANGES, *ABOUT_AGENCY)
