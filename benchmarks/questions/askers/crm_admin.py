"""The administrator of the CRM: what is missing, wrong, duplicate or forgotten."""

from benchmarks.questions.asking import chats, grouped, how_many, people, refused
from benchmarks.questions.truth import crm, oracle
from benchmarks.questions.truth.dataset import Dataset, Lead

LEADS = "list_leads"


def _contradicting(dataset: Dataset) -> list[Lead]:
    return dataset.people(
        lambda p: p.get("hotLabel") == "cold" and (p.score or 0) >= 75,
        lambda p: -(p.score or 0),
    )


def _currencies(dataset: Dataset) -> dict[str, int]:
    return oracle.count_by(dataset.leads, lambda p: p.money[1])


def _vip(dataset: Dataset) -> list[Lead]:
    return dataset.people(lambda p: "vip" in p.tags and p.assignee is None and not p.closed)


QUESTIONS = (
    how_many(
        "How many conversations have no name?", "en",
        lambda d: [row for row in d.rows if oracle.given(row.get("userName")) is None],
        where=["name missing"],
    ),
    how_many(
        "Zu wie vielen Personen fehlen E-Mail und Telefon?", "de",
        lambda d: d.people(lambda p: not p.of(oracle.email) and not p.get("userPhone")),
        tool=LEADS, where=["email missing", "phone missing"],
    ),
    how_many(
        "How many test chats are there?", "en",
        lambda d: [row for row in d.rows if row.get("isTest") is True], where=["test=true"],
    ),
    chats(
        "Which visitors are blocked?", "en",
        lambda d: [row for row in d.rows if row.get("isBlocked") is True], where=["blocked=true"],
    ),
    people(
        "¿Quién tiene etiqueta fría pero más de 75 puntos?", "es", _contradicting,
        label=["cold"], where=["score>=75"],
    ),
    how_many(
        "How many open deals have a close date that has passed?", "en",
        lambda d: d.people(lambda p: p.any(lambda row: crm.close_overdue(row, d.unix_now))),
        tool=LEADS, where=["overdue_close=true"],
    ),
    how_many(
        "Combien d'activités sont en retard, par conversation ?", "fr",
        lambda d: [row for row in d.rows if crm.activity_overdue(row, d.unix_now)],
        where=["overdue_activity=yes"],
    ),
    grouped(
        "Which currencies do we use, and how often is there none?", "en", "leads", _currencies,
        of="leads", group_by=["currency"], tokens=1400,
    ),
    how_many(
        "Do we have a stage that isn't ours? onboarding, how many?", "en",
        lambda d: [row for row in d.rows if row.get("stage") == "onboarding"],
        where=["stage=onboarding"],
    ),
    people(
        "VIPs that nobody takes care of, and that are still open?", "en", _vip,
        where=["tags=vip", "assignee missing", "stage!=won|lost"], sort="newest",
    ),
    how_many(
        "Quantos contatos são hoje 'stale' segundo o CRM?", "pt",
        lambda d: d.people(lambda p: p.any(lambda row: oracle.alert(row, "staleLead"))),
        tool=LEADS, where=["stale=true"],
    ),
    how_many(
        "Сколько лидов ни разу не оценивали?", "ru",
        lambda d: d.people(lambda p: p.score is None), tool=LEADS, where=["score missing"],
    ),
    grouped(
        "How many people have which label?", "en", "leads",
        lambda d: oracle.count_by(d.leads, lambda p: p.get("hotLabel")),
        of="leads", group_by=["label"], tokens=1500,
    ),
    chats(
        "Which conversations are assigned but have no stage?", "en",
        lambda d: [row for row in d.rows if oracle.assignees(row) and not row.get("stage")],
        where=["assignee exists", "stage missing"],
    ),
    how_many(
        "When did the team last look at a conversation? (never seen = how many)", "en",
        lambda d: d.rows, where=["viewed missing"],
    ),
    chats(
        "Which ones carry the tag spam? and are not blocked yet", "en",
        lambda d: [
            row for row in d.rows
            if "spam?" in [t.casefold() for t in row.get("tags") or []]
            and row.get("isBlocked") is not True
        ],
        tag=["spam?"], where=["blocked=false"],
    ),
    refused(
        "Wer ist in der Phase 'Kontaktiert'?", "de", "list_conversations",
        ["kontaktiert", "engaged"],
        stage=["kontaktiert"],
    ),
    refused(
        "Sort by the field prio, please.", "en", LEADS, ["prio", "score"], sort="prio",
        tokens=900,
    ),
    refused(
        "Change her stage to won.", "en", "get_lead", ["stage"], lead="Greta Müller", stage="won",
    ),
)  # fmt: skip
