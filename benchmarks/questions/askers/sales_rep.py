"""A sales representative: what is due, what closes, what is worth a call."""

from benchmarks.questions.asking import chats, how_many, people, totals
from benchmarks.questions.truth import crm, oracle
from benchmarks.questions.truth.dataset import Dataset, Lead, worth
from benchmarks.questions.truth.periods import active_in, month, today, week

OPEN = "stage!=won|lost"


def _closing(lead: Lead) -> float | None:
    day = crm.due(lead.get("expectedCloseDate"))
    return day and day[0]


def _closes_soon(dataset: Dataset) -> list[Lead]:
    start, end = today(dataset.now)[0], dataset.unix_now + 30 * 86_400
    return dataset.people(
        lambda lead: start <= (_closing(lead) or 0) <= end and not lead.closed,
        lambda lead: _closing(lead) or 0,
    )


def _large_in_euro(dataset: Dataset) -> list[Lead]:
    return dataset.people(
        lambda lead: not lead.closed and (lead.money[0] or 0) > 10_000 and lead.money[1] == "EUR",
        lambda lead: -(lead.money[0] or 0),
    )


def _due_today(dataset: Dataset) -> list[Lead]:
    start, end = today(dataset.now)

    def due(lead: Lead) -> float:
        return lead.next_due(dataset.unix_now) or 0

    return dataset.people(lambda lead: start <= due(lead) < end, due)


def _demos(dataset: Dataset, offset: int) -> list[oracle.Row]:
    start, end = today(dataset.now, offset=offset)
    return [row for row in dataset.rows if start <= (crm.demo(row) or 0) < end]


def _demos_ahead(dataset: Dataset) -> list[Lead]:
    start, end = dataset.unix_now, week(dataset.now)[1]

    def demo(lead: Lead) -> float:
        return lead.of(crm.demo) or 0

    return dataset.people(lambda lead: start <= demo(lead) < end, demo)


QUESTIONS = (
    people(
        "Which of our deals should close in the next 30 days, soonest first?", "en", _closes_soon,
        where=["expected_close>=today", "expected_close<=+30d", OPEN], sort="expected_close",
    ),
    people(
        "Welche offenen Leads sind mehr als 10.000 Euro wert, die größten zuerst?", "de",
        _large_in_euro, where=["value>10000", "currency=EUR", OPEN], sort="-value",
    ),
    people(
        "Who is in negotiation and has no next step planned?", "en",
        lambda d: d.people(
            lambda p: p.stage == "negotiation" and p.next_due(d.unix_now) is None
        ),
        stage=["negotiation"], where=["next_due missing"], sort="newest",
    ),
    people(
        "¿Qué tengo pendiente para hoy?", "es", _due_today, where=["next_due=today"],
        sort="next_due",
    ),
    chats(
        "Which demos are on tomorrow?", "en", lambda d: _demos(d, 1), where=["demo=tomorrow"]
    ),
    people(
        "Quelles démos restent cette semaine, dans l'ordre ?", "fr", _demos_ahead,
        where=["demo>=now", "demo<next_week"], sort="demo",
    ),
    how_many(
        "How many people have a proposal and no expected close date?", "en",
        lambda d: d.people(lambda p: p.stage == "proposal" and not p.get("expectedCloseDate")),
        tool="list_leads", stage=["proposal"], where=["expected_close missing"],
    ),
    chats(
        "Who mentioned a discount, in whatever language?", "en",
        lambda d: [
            row for row in d.rows
            if any(oracle.says(row, word) for word in ("discount", "rabatt", "remise"))
        ],
        query="discount|Rabatt|remise",
    ),
    chats(
        'Where is the "budget owner" not named yet?', "en",
        lambda d: [row for row in d.rows if "budget owner" in oracle.text(row)],
        query='"budget owner"',
    ),
    people(
        "Wen kann ich nur anrufen, weil es keine E-Mail gibt?", "de",
        lambda d: d.people(lambda p: not p.of(oracle.email) and p.get("userPhone")),
        where=["email missing", "phone exists"], sort="newest",
    ),
    people(
        "Was ist bei Tom Becker überfällig?", "de",
        lambda d: d.people(
            lambda p: "Tom Becker" in (p.of(oracle.assignees) or []) and p.overdue(d.unix_now)
        ),
        attention=["overdue"], where=["assignee=Tom Becker"], sort="newest",
    ),
    people(
        "Quem entrou em contato pela primeira vez ontem?", "pt",
        lambda d: d.people(
            lambda p: today(d.now, offset=-1)[0] <= p.created < today(d.now)[0]
        ),
        where=["created=yesterday"], sort="newest",
    ),
    totals(
        "How much did we lose because of the price?", "en", ["leads", "value"],
        lambda d: {
            "leads": len(_lost_on_price(d)), "value": worth(_lost_on_price(d)) or 0,
        },
        of="leads", where=["stage=lost", "lost_reason=price"],
    ),
    people(
        "The best ones that nobody has labelled yet?", "en",
        lambda d: d.people(
            lambda p: not p.get("hotLabel") and p.score is not None, lambda p: -(p.score or 0)
        ),
        where=["label missing", "score exists"], sort="score",
    ),
    people(
        "Что мы выиграли в этом месяце?", "ru",
        lambda d: d.people(lambda p: p.stage == "won" and p.at >= month(d.now)[0]),
        stage=["won"], since="this_month", sort="newest",
    ),
    how_many(
        "昨日WhatsAppに来た会話は何件?", "ja",
        lambda d: [
            row for row in active_in(d.rows, today(d.now, offset=-1))
            if oracle.channel(row) == "whatsapp"
        ],
        channel=["whatsapp"], since="yesterday", until="yesterday",
    ),
)  # fmt: skip


def _lost_on_price(dataset: Dataset) -> list[Lead]:
    return dataset.people(lambda p: p.stage == "lost" and p.get("lostReason") == "price")
