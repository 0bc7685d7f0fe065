"""A founder: is it growing, what is it worth, who are the big ones."""

from collections.abc import Callable, Mapping

from benchmarks.questions.asking import (
    average,
    chats,
    grouped,
    how_many,
    measured,
    people,
    refused,
    totals,
)  # fmt: skip
from benchmarks.questions.question import Answers, Question, path
from benchmarks.questions.truth import crm, oracle
from benchmarks.questions.truth.dataset import Dataset, Lead, worth
from benchmarks.questions.truth.oracle import Facts
from benchmarks.questions.truth.periods import active_in, month, quarter, today, week


def _open(dataset: Dataset) -> list[Lead]:
    return dataset.people(lambda p: not p.closed)


def _forgotten(dataset: Dataset) -> list[Lead]:
    limit = dataset.unix_now - 90 * 86_400
    found = dataset.people(lambda p: p.stage in ("proposal", "negotiation") and p.at <= limit)
    return sorted(found, key=lambda p: p.at)


def _limited_companies(dataset: Dataset) -> dict[str, int]:
    """People by company, of companies with GmbH or AG in their name."""
    forms = {"gmbh", "ag"}
    found = dataset.people(lambda p: forms & oracle.words(p.get("userCompany") or ""))
    return oracle.count_by(found, lambda p: p.get("userCompany"))


def _ten_shown(of: str) -> Callable[[Answers], Facts]:
    """The largest companies in an answer of which ten groups were asked for."""

    def read(answers: Answers) -> Facts:
        groups = [group for group in answers[-1]["groups"] if group["company"] != "(other)"]
        return _ten({group["company"]: group[of] for group in groups})

    return read


def _ten(counts: Mapping[str, int]) -> Facts:
    """The sizes of the ten largest, and the names of those that are larger than the tenth."""
    ordered = sorted(counts.values(), reverse=True)[:10]
    smallest = min(ordered, default=0)
    larger = sorted(name.casefold() for name, count in counts.items() if count > smallest)
    return {"sizes": ordered, "named": larger}


def _last_month(dataset: Dataset) -> list[Lead]:
    start, end = month(dataset.now, offset=-1)
    return dataset.people(lambda p: start <= p.created < end)


QUESTIONS = (
    grouped(
        "How is the pipeline, in people?", "en", "leads",
        lambda d: oracle.count_by(d.leads, lambda p: p.stage), of="leads", group_by=["stage"],
        tokens=2600,
    ),
    totals(
        "Wie viele offene Leads haben wir und was sind sie wert?", "de", ["leads", "value"],
        lambda d: {"leads": len(_open(d)), "value": worth(_open(d))},
        of="leads", where=["stage!=won|lost"],
    ),
    people(
        "The five biggest open deals in dollars?", "en",
        lambda d: d.people(
            lambda p: not p.closed and p.money[1] == "USD" and (p.money[0] or 0) > 0,
            lambda p: -(p.money[0] or 0),
        ),
        where=["currency=USD", "stage!=won|lost", "value>0"], sort="-value",
    ),
    how_many(
        "¿Cuántas personas nuevas este mes?", "es",
        lambda d: d.people(lambda p: p.created >= month(d.now)[0]), tool="list_leads",
        where=["created=this_month"],
    ),
    how_many(
        "¿Y el mes pasado?", "es", _last_month,
        tool="list_leads", where=["created=last_month"],
    ),
    people(
        "Which proposals have we not heard of for three months, the oldest first?", "en",
        _forgotten, stage=["proposal", "negotiation"], where=["last_activity<=90d"],
        sort="oldest",
    ),
    grouped(
        "Bei welchen GmbHs und AGs kennen wir wie viele Leute?", "de", "leads",
        _limited_companies, of="leads", group_by=["company"], where=["company~GmbH|AG"],
        tokens=1000,
    ),
    Question(
        "Our ten largest customers by how many people we know there?", "en",
        [("conversation_stats",
          {"of": "leads", "group_by": ["company"], "where": ["company exists"], "limit": 10})],
        _ten_shown("leads"),
        lambda d: _ten(oracle.count_by(
            d.people(lambda p: p.get("userCompany")), lambda p: p.get("userCompany")
        )),
        tokens=1000,
    ),
    Question(
        "Die zehn Firmen, die am meisten schreiben?", "de",
        [("conversation_stats",
          {"group_by": ["company"], "where": ["company exists"], "limit": 10})],
        _ten_shown("conversations"),
        lambda d: _ten(oracle.count_by(
            [row for row in d.rows if row.get("userCompany")], lambda row: row["userCompany"]
        )),
        tokens=1000,
    ),
    Question(
        "Which deals have a value that nobody can read?", "en",
        [("list_leads", {"where": ["value_text exists"], "fields": ["value"], "limit": 100})],
        path("total"),
        lambda d: sum(p.get("value") is not None and p.money[0] is None for p in d.leads),
        tokens=2600,
    ),
    measured(
        "How many conversations does a won customer take?", "en", "conversations",
        ["avg", "max"],
        lambda d: {
            "avg": round(average(len(p.rows) for p in d.leads if p.stage == "won") or 0, 4),
            "max": max((len(p.rows) for p in d.leads if p.stage == "won"), default=0),
        },
        of="leads", stage=["won"],
    ),
    grouped(
        "Pourquoi perdons-nous des affaires ?", "fr", "leads",
        lambda d: oracle.count_by(
            d.people(lambda p: p.stage == "lost"), lambda p: p.get("lostReason")
        ),
        of="leads", group_by=["lost_reason"], stage=["lost"], tokens=800,
    ),
    Question(
        "今日は昨日より多い? 昨日の件数は?", "ja",
        [
            ("list_conversations", {"since": "today", "limit": 1, "fields": ["name"]}),
            ("list_conversations",
             {"since": "yesterday", "until": "yesterday", "limit": 1, "fields": ["name"]}),
        ],
        lambda a: [answer["total"] for answer in a],
        lambda d: [len(active_in(d.rows, today(d.now))),
                   len(active_in(d.rows, today(d.now, offset=-1)))],
    ),
    Question(
        "How many leads are hot right now?", "en", [("summarize_hot_leads", {"top": 1})],
        path("hot"), lambda d: len(d.hot()),
    ),
    Question(
        "Which hot leads do the pipeline and the hot list agree on? How many in both?", "en",
        [
            ("summarize_hot_leads", {"top": 1}),
            ("conversation_stats", {"of": "leads", "where": ["hot=true"]}),
            ("list_leads", {"where": ["hot=true"], "limit": 1, "fields": ["name"]}),
        ],
        lambda a: [a[0]["hot"], a[1]["totals"]["leads"], a[2]["total"]],
        lambda d: [len(d.hot())] * 3, tokens=1200,
    ),
    chats(
        "What came in last week from companies called Acme?", "en",
        lambda d: [
            row for row in active_in(d.rows, week(d.now, offset=-1))
            if "acme" in (row.get("userCompany") or "").casefold()
        ],
        where=["company~acme"], since="last_week", until="last_week",
    ),
    totals(
        "How many people moved anything in the last quarter, how many are hot?", "en",
        ["leads", "hot"],
        lambda d: {
            "leads": len(_last_quarter(d)), "hot": sum(p.hot() for p in _last_quarter(d)),
        },
        of="leads", since="last_quarter", until="last_quarter",
    ),
    refused(
        "What will our revenue be next year?", "en", "conversation_stats",
        ["forecast_revenue", "Valid measure", "value"], measure=["forecast_revenue"], of="leads",
    ),
    how_many(
        "Wie viele Leute haben uns mehr als dreimal geschrieben?", "de",
        lambda d: d.people(lambda p: len(p.rows) > 3), tool="list_leads",
        where=["conversations>3"],
    ),
    measured(
        "Median length of a conversation in seconds?", "en", "duration_seconds", ["median"],
        lambda d: {
            "median": crm.median([s for row in d.rows if (s := crm.duration(row)) is not None])
        },
    ),
)  # fmt: skip


def _last_quarter(dataset: Dataset) -> list[Lead]:
    start, end = quarter(dataset.now, offset=-1)
    return dataset.people(lambda p: start <= p.at < end)
