"""An evaluation: questions that people really ask, and whether the answers are right and small.

Each question comes in the words of whoever asks it, with the calls that a model makes of it, the
facts it is about, and a budget. What is true is worked out by `plain`, from Convocore's rows and
without the product's code; `running` asks a real server; `peers` lets others try the same.

A wrong answer is a fault of the server, never of the facts: they follow `contract.md`.
"""

from benchmarks.questions import hot, lists, news, numbers, people

QUIET = (*hot.QUESTIONS, *people.QUESTIONS, *lists.QUESTIONS, *numbers.QUESTIONS)
"""Asked while nothing happens."""
LATER = news.QUESTIONS
"""Asked after something has."""
QUESTIONS = (*QUIET, *LATER)
