"""Questions about one person: `get_lead`."""

# Questions are in their own scripts, which the rule about look-alike characters would refuse.
# ruff: noqa: RUF001

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from benchmarks.questions.question import Answers, Question, candidates, lead, path
from benchmarks.questions.truth import oracle
from benchmarks.questions.truth.dataset import Dataset, Lead
from benchmarks.questions.truth.oracle import Facts

PROFILE = 1300
"""Tokens for a whole lead with two conversations and a full history."""


def person(
    words: str,
    language: str,
    who: str,
    facts: Callable[[Answers], Facts],
    truth: Callable[[Dataset], Facts],
) -> Question:
    """A question that one call of `get_lead` answers."""
    return Question(words, language, [("get_lead", {"lead": who})], facts, truth, tokens=PROFILE)


def about(name: str, read: Callable[[Lead], Facts]) -> Callable[[Dataset], Facts]:
    """What `read` returns for the one person with this name; None if there is none."""

    def expected(dataset: Dataset) -> Facts:
        found = dataset.called(name)
        return found and read(found)

    return expected


def standing(one: Lead) -> Facts:
    """Name, stage and score."""
    return {"name": one.name, "stage": one.get("stage"), "score": one.score}


def wish(one: Lead) -> Facts:
    """What they want: the summary."""
    return standing(one) | {"summary": one.get("summary")}


def digits(answers: Answers) -> Facts:
    """Phone numbers as digits, and email addresses in lower case."""
    found = answers[-1].get("lead", {})
    return {
        "phones": [re.sub(r"\D", "", p).removeprefix("00") for p in found.get("phones", [])],
        "emails": [e.strip().casefold() for e in found.get("emails", [])],
    }


def reach(one: Lead) -> Facts:
    """Expected contact data, from the rows."""
    phones = [found for row in one.rows if (found := oracle.phone(row))]
    emails = [found for row in one.rows if (found := oracle.email(row))]
    return {"phones": list(dict.fromkeys(phones)), "emails": list(dict.fromkeys(emails))}


def steps(one: Lead, now: float) -> list[oracle.Row]:
    """Open activities: what comes next first, then what is overdue, newest first."""
    planned = [
        step
        for row in one.rows
        for step in row.get("crmActivities") or []
        if step.get("dueDate") and not step.get("completed")
    ]
    ordered = sorted(planned, key=lambda step: oracle.unix_seconds(step["dueDate"]) or 0)
    late = [step for step in ordered if is_past(step["dueDate"], now)]
    return [step for step in ordered if step not in late] + late[::-1]


def is_past(due: Any, now: float) -> bool:
    """Whether a due date is past: a day when it is over, a time when it has passed."""
    if isinstance(due, str) and len(due) == len("2026-07-19"):
        return due < datetime.fromtimestamp(now, UTC).date().isoformat()
    return (oracle.unix_seconds(due) or 0) < now


def next_step(dataset: Dataset) -> Facts:
    """The first thing due for Begoña, and whether it is late."""
    found = dataset.called("Begoña Núñez")
    now = dataset.now.timestamp()
    if found is None or not (planned := steps(found, now)):
        return None
    return {"type": planned[0]["type"], "overdue": is_past(planned[0]["dueDate"], now)}


def _step(answers: Answers) -> Facts:
    planned = (answers[-1].get("lead") or {}).get("next_steps")
    return planned and {"type": planned[0]["type"], "overdue": planned[0].get("overdue", False)}


def _talks(answers: Answers) -> Facts:
    talks = (answers[-1].get("lead") or {}).get("conversations", [])
    return [[talk["id"], talk.get("channel"), talk["last_activity"]] for talk in talks]


def named(*beginnings: str) -> Callable[[Dataset], Facts]:
    """People whose name or company has all these words."""

    def expected(dataset: Dataset) -> Facts:
        found = [
            one
            for one in dataset.leads
            if set(beginnings) <= oracle.words(f"{one.name or ''} {one.get('userCompany') or ''}")
        ]
        return {"total": len(found), "names": sorted(one.name or "" for one in found)}

    return expected


def reached(contact: str, read: Callable[[Lead], Facts]) -> Callable[[Dataset], Facts]:
    """What `read` returns for the one person with this email address or phone number."""

    def expected(dataset: Dataset) -> Facts:
        found = dataset.reached(contact)
        return found and read(found)

    return expected


STANDING, WISH = lead("name", "stage", "score"), lead("name", "stage", "score", "summary")

QUESTIONS = (
    person(
        "What did Nuria Etxeberria want?", "en", "Nuria Etxeberria",
        WISH, about("Nuria Etxeberria", wish),
    ),
    person(
        "Pull up Siobhan Washinton for me, I have a call in ten minutes.", "en",
        "Siobhan Washinton", STANDING, about("Siobhán Washington", standing),
    ),
    person(
        "Was wollte Jurgen Muller?", "de", "Jurgen Muller",
        WISH, about("Jürgen Müller", wish),
    ),
    person(
        "Wie steht es um Juergen Schroeder von der Bäckerei?", "de", "Juergen Schroeder",
        STANDING, about("Jürgen Schröder", standing),
    ),
    person(
        "Où en est-on avec zoe oeuvrard ?", "fr", "zoe oeuvrard",
        WISH, about("Zoé Œuvrard", wish),
    ),
    person(
        "¿En qué etapa está begona nunez?", "es", "begona nunez",
        STANDING, about("Begoña Núñez", standing),
    ),
    person(
        "¿A qué teléfono y correo escribo a José Peña Ortiz?", "es", "José Peña Ortiz",
        digits, about("José Peña Ortiz", reach),
    ),
    person("欧阳伟现在是什么情况?", "zh", "欧阳伟", STANDING, about("欧阳伟", standing)),
    person(
        "ماذا يريد أحمد حسن؟", "ar", "أحمد حسن", WISH, about("أحمد حسن", wish),
    ),
    person(
        "На каком этапе Екатерина Иванова?", "ru", "Екатерина Иванова",
        STANDING, about("Екатерина Иванова", standing),
    ),
    person(
        "渡辺さくらさんのご用件は?", "ja", "渡辺さくら", WISH, about("渡辺さくら", wish),
    ),
    person(
        "Who called from 669 417 075?", "en", "669 417 075",
        STANDING, about("Nuria Etxeberria", standing),
    ),
    person(
        "Missed call from +49 1512 202 09 99, who is that?", "en", "+49 1512 202 09 99",
        STANDING, reached("4915122020999", standing),
    ),
    person(
        "De quem é o e-mail visitor5a@exemplo.example?", "pt",
        "visitor5a@exemplo.example", WISH, reached("visitor5a@exemplo.example", wish),
    ),
    person(
        "IMRAN.PATEL3E0@EXAMPLE.CO.UK just replied. Where are we with him?", "en",
        "IMRAN.PATEL3E0@EXAMPLE.CO.UK", STANDING, reached("imran.patel3e0@example.co.uk", standing),
    ),
    person(
        "Whose conversation is conv-c9a5c1d93e7041dd?", "en",
        "conv-c9a5c1d93e7041dd", STANDING, about("欧阳伟", standing),
    ),
    person("What about Maria?", "en", "Maria", candidates, named("maria")),
    person(
        "Wen kennen wir bei Bluebird Dental?", "de", "Bluebird Dental",
        candidates, named("bluebird", "dental"),
    ),
    person(
        "Is there a Zaphod Beeblebrox in there?", "en", "Zaphod Beeblebrox",
        path("error", "code"),
        lambda d: None if named("zaphod")(d)["total"] else "not_found",
    ),
    person(
        "Begoña Núñez için sıradaki iş ne, gecikti mi?", "tr", "Begoña Núñez",
        _step, next_step,
    ),
    person(
        "What has the AI spent on Nuria Etxeberria so far?", "en", "Nuria Etxeberria",
        path("lead", "usage", "tokens"),
        about(
            "Nuria Etxeberria",
            lambda one: sum(oracle.usage(row, "cumulativeTotalTokens") for row in one.rows),
        ),
    ),
    person(
        "हैरी टेलर ने कब और किस चैनल पर लिखा? (Harry Taylor)", "hi", "Harry Taylor",
        _talks,
        about("Harry Taylor", lambda one: [
            [row["ID"], oracle.channel(row), oracle.rfc3339(oracle.active(row))] for row in one.rows
        ]),
    ),
)  # fmt: skip
