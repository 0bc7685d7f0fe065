"""Questions about whom to call, and why: `summarize_hot_leads`."""

# Questions are in their own scripts, which the rule about look-alike characters would refuse.
# ruff: noqa: RUF001

from benchmarks.questions.question import Answers, Call, Question, path
from benchmarks.questions.truth import oracle
from benchmarks.questions.truth.dataset import Dataset, Lead, worth
from benchmarks.questions.truth.oracle import Facts


def hot(**arguments: object) -> Call:
    """A call of the tool."""
    return "summarize_hot_leads", dict(arguments)


def _cause(why: list[str]) -> str:
    return "label" if any(reason.startswith("label hot") for reason in why) else "score"


def _called_first(answers: Answers) -> Facts:
    leads = answers[-1]["leads"]
    return [[lead["conversation_id"], lead.get("score"), _cause(lead["why"])] for lead in leads]


def _hottest(leads: list[Lead], count: int) -> Facts:
    return [
        [lead.rows[0]["ID"], lead.score, "label" if lead.get("hotLabel") else "score"]
        for lead in leads[:count]
    ]


def _counted(answers: Answers) -> Facts:
    return {name: answers[-1][name] for name in ("hot", "leads_considered")}


def _assignees(leads: list[Lead]) -> list[list[str] | None]:
    return [lead.of(oracle.assignees) for lead in leads]


def _reach(answers: Answers) -> Facts:
    lead = answers[-1].get("lead", {})
    fields = {name: lead.get(name) for name in ("name", "stage", "score")}
    return fields | {"emails": [e.strip().casefold() for e in lead.get("emails", [])]}


def _how_to_reach(dataset: Dataset) -> Facts:
    if not (hottest := dataset.hot(since="7d")):
        return None
    one = hottest[0]
    emails = list(dict.fromkeys(e for row in one.rows if (e := oracle.email(row))))
    return {"name": one.name, "stage": one.get("stage"), "score": one.score, "emails": emails}


QUESTIONS = (
    Question(
        "Who are my hot leads this week, and why?", "en", [hot(since="7d", top=5)],
        lambda a: {"hot": a[-1]["hot"], "first": _called_first(a)},
        lambda d: {"hot": len(d.hot(since="7d")), "first": _hottest(d.hot(since="7d"), 5)},
        tokens=1000,
    ),
    Question(
        "Wie viele heiße Leads haben wir, und von wie vielen insgesamt?", "de", [hot(top=1)],
        _counted, lambda d: {"hot": len(d.hot()), "leads_considered": len(d.leads)},
    ),
    Question(
        "¿A quién llamo primero hoy?", "es", [hot(since="24h", top=3)],
        _called_first, lambda d: _hottest(d.hot(since="24h"), 3),
    ),
    Question(
        "Combien vaut le pipeline chaud, par devise ?", "fr", [hot(top=1)],
        path("value"), lambda d: worth(d.hot()),
    ),
    Question(
        "Quantos leads quentes desta semana ainda não têm responsável?", "pt",
        [hot(since="7d", top=1)], path("unassigned"),
        lambda d: sum(lead.of(oracle.assignees) is None for lead in d.hot(since="7d")),
    ),
    Question(
        "كم عميلاً ساخناً ينتظر موظفاً الآن؟", "ar", [hot(top=1)], path("waiting_for_human"),
        lambda d: sum(lead.waits for lead in d.hot()),
    ),
    Question(
        "本周的热门线索主要来自哪些渠道?", "zh", [hot(since="7d", top=1)], path("by_channel"),
        lambda d: oracle.count_by(d.hot(since="7d"), lambda lead: lead.of(oracle.channel)),
    ),
    Question(
        "How many of the hot ones have something overdue?", "en", [hot(top=1)], path("overdue"),
        lambda d: sum(lead.overdue(d.unix_now) for lead in d.hot()),
    ),
    Question(
        "Only those with 90 points or more, from the last two weeks.", "en",
        [hot(min_score=90, since="14d", top=3)],
        lambda a: {"hot": a[-1]["hot"], "first": _called_first(a)},
        lambda d: {
            "hot": len(d.hot(90, since="14d")), "first": _hottest(d.hot(90, since="14d"), 3)
        },
    ),
    Question(
        "ここ30日のホットなリードはどの段階にいますか?", "ja", [hot(since="30d", top=1)],
        path("by_stage"),
        lambda d: oracle.count_by(d.hot(since="30d"), lambda lead: lead.get("stage")),
    ),
    Question(
        "За кем закреплены самые горячие лиды за сутки?", "ru", [hot(since="24h", top=5)],
        lambda a: [lead.get("assignee") for lead in a[-1]["leads"]],
        lambda d: [names and names[0] for names in _assignees(d.hot(since="24h")[:5])],
        tokens=1000,
    ),
    Question(
        "Are test chats and blocked spammers left out of these numbers, and how many are there?",
        "en", [hot(top=1)],
        lambda a: {name: a[-1]["excluded"][name] for name in ("tests", "blocked")},
        lambda d: {
            "tests": sum(row.get("isTest") is True for row in d.rows),
            "blocked": sum(
                row.get("isBlocked") is True and not row.get("isTest") for row in d.rows
            ),
        },
    ),
    Question(
        "Who is the hottest lead of the week and how do I reach them?", "en",
        [hot(since="7d", top=1), ("get_lead", lambda a: {"lead": a[0]["leads"][0]["lead_id"]})],
        _reach, _how_to_reach, tokens=1200,
    ),
)  # fmt: skip
