"""A reviewer of quality, who reads transcripts: the workspace's plan includes them."""

from collections.abc import Callable

from benchmarks.questions.agency import DENTAL, text_turns
from benchmarks.questions.asking import GET_CONVERSATION
from benchmarks.questions.question import Answers, Question, path
from benchmarks.questions.truth.dataset import Dataset
from benchmarks.questions.truth.oracle import Facts

SCRIPTED, RICH, BY_REST_API = "<scripted>", "<rich>", "<rest>"
"""Placeholders for IDs that the sandbox chooses."""


def _turns(answers: Answers) -> Facts:
    return [[turn["from"], turn["text"]] for turn in answers[-1]["transcript"]["turns"]]


def _texts(answers: Answers) -> Facts:
    return [turn["text"] for turn in answers[-1]["transcript"]["turns"]]


def _last(count: int) -> Callable[[Dataset], Facts]:
    return lambda d: [list(turn) for turn in text_turns(d, d.named[SCRIPTED])[-count:]]


def read(
    words: str, language: str, facts: Callable[[Answers], Facts],
    truth: Callable[[Dataset], Facts], *, conversation: str = SCRIPTED, **given: object,
) -> Question:  # fmt: skip
    """One conversation of the first agent."""
    arguments = {"conversation": conversation, "agent_id": DENTAL} | given
    return Question(words, language, [(GET_CONVERSATION, arguments)], facts, truth, tokens=1700)


QUESTIONS = (
    read("What were the last three things said there?", "en", _turns, _last(3), turns=3),
    read("Lies mir das ganze Gespräch vor.", "de", _turns, _last(4), turns=50),
    read("Did the price 640 come up, and who said it?", "en",
         lambda a: [turn for turn in _turns(a) if "640" in turn[1]],
         lambda d: [list(turn) for turn in text_turns(d, d.named[SCRIPTED]) if "640" in turn[1]],
         find="640"),
    read("¿Mencionó a otro taller? (another garage)", "es",
         lambda a: [text for text in _texts(a) if "garage" in text],
         lambda d: [text for _, text in text_turns(d, d.named[SCRIPTED]) if "garage" in text],
         find="garage"),
    read("Did anybody talk about a bicycle?", "en", _texts, lambda _: [], find="bicycle"),
    read("How many turns does it have?", "en", path("transcript", "total"),
         lambda d: len(text_turns(d, d.named[SCRIPTED])), turns=1),
    read("Was anything said by a person and not by the AI?", "en",
         lambda a: [text for who, text in _turns(a) if who == "human"],
         lambda d: [text for who, text in text_turns(d, d.named[SCRIPTED]) if who == "human"],
         turns=50),
    read("Transcript of a conversation that was created over the API?", "en",
         lambda a: sorted(a[-1]["transcript"]), lambda _: ["unavailable"],
         conversation=BY_REST_API, turns=5),
    read("Which stage is it in, and how many messages?", "en",
         lambda a: [a[-1]["conversation"].get("stage"), a[-1]["conversation"]["messages"]],
         lambda d: [d.row(RICH).get("stage"), int(d.row(RICH)["messagesNum"])],
         conversation=RICH),
    read("Why does it have that score? Steps and points.", "en",
         lambda a: [[step["step"], step["points"]]
                    for step in a[-1]["conversation"].get("score_history", [])],
         lambda d: [[step["stepName"], step["pointsAdded"]]
                    for step in d.row(RICH)["funnelScoreHistory"]],
         conversation=RICH),
    read("Wer hat übernommen, und wie oft wurde ein Mensch verlangt?", "de",
         lambda a: [one.get("by") for one in a[-1]["conversation"].get("handoffs_history", [])],
         lambda d: [one.get("acceptedBy") for one in d.row(RICH).get("handoffHistory", [])],
         conversation=RICH),
    read("What did the form capture?", "en",
         lambda a: sorted(a[-1]["conversation"].get("data", {})),
         lambda d: sorted({
             **(d.row(RICH).get("funnelExtractedData") or {}),
             **d.row(RICH)["capturedVariables"],
         }),
         conversation=RICH),
)  # fmt: skip
