"""Finance: what the AI and the calls cost, and what the deals bring."""

from benchmarks.questions.asking import (
    average,
    chats,
    grouped,
    how_many,
    measured,
    measured_by,
    people,
    refused,
    totals,
)  # fmt: skip
from benchmarks.questions.truth import crm, oracle
from benchmarks.questions.truth.dataset import Dataset, Lead, worth
from benchmarks.questions.truth.oracle import Row
from benchmarks.questions.truth.periods import active_in, month, quarter, week


def _usd(row: Row) -> float:
    return crm.ai_usd(row) + crm.call_usd(row)


def _cost(rows: list[Row]) -> dict[str, float]:
    return {"ai_usd": sum(map(crm.ai_usd, rows)), "usd": sum(map(_usd, rows))}


def _cost_by_channel(dataset: Dataset) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in active_in(dataset.rows, month(dataset.now)):
        name = oracle.channel(row) or "none"
        found[name] = found.get(name, 0) + _usd(row)
    return found


def _cost_by_month(dataset: Dataset) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in dataset.since("26w"):
        name = oracle.day(row)[:7]
        found[name] = found.get(name, 0) + _usd(row)
    return found


def _won_this_quarter(dataset: Dataset) -> list[Lead]:
    start, end = quarter(dataset.now)
    return dataset.people(lambda p: p.stage == "won" and start <= p.at < end)


def _deal_size(dataset: Dataset) -> dict[str, float | None]:
    amounts = [
        p.money[0] for p in dataset.leads
        if p.stage == "won" and p.money[1] == "USD" and p.money[0] is not None
    ]  # fmt: skip
    return {
        "n": len(amounts), "sum": sum(amounts), "avg": round(average(amounts) or 0, 4),
        "median": crm.median(amounts), "max": max(amounts, default=None),
    }  # fmt: skip


def _closing_by_month(dataset: Dataset) -> dict[str, int]:
    open_deals = dataset.people(lambda p: not p.closed and p.get("expectedCloseDate"))
    return oracle.count_by(open_deals, lambda p: p.get("expectedCloseDate")[:7])


def _costliest(dataset: Dataset) -> list[Row]:
    costly = [row for row in dataset.rows if crm.ai_usd(row) > 0.02]
    return sorted(costly, key=lambda row: -crm.ai_usd(row))


QUESTIONS = (
    totals(
        "What did the AI and the calls cost us this month?", "en", ["ai_usd", "usd"],
        lambda d: _cost(active_in(d.rows, month(d.now))), since="this_month",
    ),
    totals(
        "Und im letzten Monat?", "de", ["ai_usd", "usd"],
        lambda d: _cost(active_in(d.rows, month(d.now, offset=-1))),
        since="last_month", until="last_month",
    ),
    grouped(
        "¿Qué canal nos cuesta más este mes?", "es", "usd", _cost_by_channel,
        group_by=["channel"], since="this_month", tokens=1200,
    ),
    grouped(
        "Cost by month for half a year?", "en", "usd", _cost_by_month,
        group_by=["month"], since="26w", tokens=1000,
    ),
    chats(
        "Which conversations cost more than two cents of AI, the dearest first?", "en", _costliest,
        where=["ai_usd>0.02"], sort="-ai_usd",
    ),
    measured(
        "What does a conversation cost on average?", "en", "ai_usd", ["n", "avg"],
        lambda d: {
            "n": sum(bool(row.get("tokenUsage")) for row in d.rows),
            "avg": round(
                average(crm.ai_usd(row) for row in d.rows if row.get("tokenUsage")) or 0, 4
            ),
        },
    ),
    measured(
        "Combien nous ont coûté les clients gagnés, IA et appels ?", "fr", "call_usd", ["sum"],
        lambda d: {"sum": sum(p.sum(crm.call_usd) for p in d.leads if p.stage == "won")},
        of="leads", stage=["won"],
    ),
    measured(
        "What have we spent on test chats?", "en", "ai_usd", ["sum"],
        lambda d: {"sum": round(sum(crm.ai_usd(r) for r in d.rows if r.get("isTest") is True), 4)},
        where=["test=true"],
    ),
    totals(
        "What is the value of the deals won this quarter, by currency?", "en",
        ["leads", "value"],
        lambda d: {"leads": len(_won_this_quarter(d)), "value": worth(_won_this_quarter(d)) or 0},
        of="leads", stage=["won"], since="this_quarter",
    ),
    measured(
        "What is a won deal in dollars worth on average, and the median?", "en", "value", ["USD"],
        lambda d: {"USD": _deal_size(d)}, of="leads", stage=["won"], where=["currency=USD"],
    ),
    grouped(
        "Wie viele offene Abschlüsse erwarten wir in welchem Monat?", "de", "leads",
        _closing_by_month, of="leads", group_by=["month"], by_time="expected_close",
        where=["stage!=won|lost", "expected_close exists"], tokens=1600,
    ),
    how_many(
        "How many people have a deal value but no currency?", "en",
        lambda d: d.people(lambda p: p.get("value") is not None and p.money[1] is None),
        tool="list_leads", where=["value exists", "currency missing"],
    ),
    people(
        "Cele mai mari afaceri în lire (GBP)?", "ro",
        lambda d: d.people(
            lambda p: p.money[1] == "GBP" and p.get("value") is not None,
            lambda p: (p.money[0] is None, -(p.money[0] or 0)),
        ),
        where=["currency=gbp", "value exists"], sort="-value",
    ),
    measured_by(
        "Wie viele Tokens hat jeder Kanal in dieser Woche verbraucht?", "de", "tokens", "sum",
        lambda d: _tokens_by_channel(active_in(d.rows, week(d.now))),
        group_by=["channel"], since="this_week", tokens=1600,
    ),
    refused(
        "How much is our Convocore subscription?", "en", "conversation_stats",
        ["subscription_fee", "ai_usd", "call_usd"], measure=["subscription_fee"],
    ),
    refused(
        "Add up all deals in euros, whatever the currency.", "en", "conversation_stats",
        ["value_eur", "value"], measure=["value_eur"], of="leads",
    ),
)  # fmt: skip


def _tokens_by_channel(rows: list[Row]) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in rows:
        if row.get("tokenUsage"):
            name = oracle.channel(row) or "none"
            found[name] = found.get(name, 0) + oracle.usage(row, "cumulativeTotalTokens")
    return found
