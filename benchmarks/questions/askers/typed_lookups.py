"""Look-ups as people type, paste and dictate them."""

from collections.abc import Callable

from benchmarks.questions.asking import LEAD, chats
from benchmarks.questions.question import Question, candidates, lead, path
from benchmarks.questions.truth import oracle
from benchmarks.questions.truth.dataset import Dataset, Lead
from benchmarks.questions.truth.oracle import Facts

STANDING = lead("name", "stage", "score")
HER_PHONE, HIS_EMAIL = "4915122020999", "imran.patel3e0@example.co.uk"
GRETA, NURIA, IMRAN = "Greta Müller", "Nuria Etxeberria", "Imran Patel"


def typed(typed_text: str, language: str, name: str) -> Question:
    """Somebody types this and means the one person of that name, or with that contact."""

    def expected(dataset: Dataset) -> Facts:
        one = dataset.called(name) or dataset.reached(name)
        return one and {"name": one.name, "stage": one.get("stage"), "score": one.score}

    return Question(
        f"{typed_text} ↵", language, [(LEAD, {"lead": typed_text})], STANDING, expected, tokens=1300
    )  # fmt: skip


def several(typed_text: str, language: str, who: Callable[[Lead], object]) -> Question:
    """Somebody types this, and several people fit."""

    def expected(dataset: Dataset) -> Facts:
        found = dataset.people(who)
        return {"total": len(found), "names": sorted(p.name or "" for p in found)[:20]}

    return Question(
        f"{typed_text} ↵", language, [(LEAD, {"lead": typed_text})], candidates, expected,
        tokens=1300,
    )  # fmt: skip


def named(*words: str) -> Callable[[Lead], object]:
    """Whether name and company together have all these words."""
    return lambda p: set(words) <= oracle.words(f"{p.name or ''} {p.get('userCompany') or ''}")


QUESTIONS = (
    typed("greta müller", "de", GRETA),
    typed("Frau Greta Mueller", "de", GRETA),
    typed("Müller, Greta", "de", GRETA),
    typed("GRETA MULLER", "en", GRETA),
    typed("tel:+4915122020999", "en", HER_PHONE),
    typed("0049 1512 2020 999", "de", HER_PHONE),
    typed("nuria etxeberría", "es", NURIA),
    typed("Sra. Nuria Etxeberria", "es", NURIA),
    typed("Nuria Etxebarria", "es", NURIA),
    typed("the guy Imran Patel", "en", IMRAN),
    typed("Mr. Imran Patel", "en", IMRAN),
    typed("imran.patel3e0@example.co.uk", "en", HIS_EMAIL),
    typed("Imran Patel <imran.patel3e0@example.co.uk>", "en", HIS_EMAIL),
    typed("mailto:imran.patel3e0@example.co.uk", "en", HIS_EMAIL),
    typed("imran patell", "en", IMRAN),
    typed("Zoe Oeuvrard", "fr", "Zoé Œuvrard"),
    typed("zoé œuvrard", "fr", "Zoé Œuvrard"),
    typed("Ekaterina Ivanova", "en", "Екатерина Иванова"),
    typed("渡辺 さくら", "ja", "渡辺さくら"),
    typed("jose pena ortiz", "es", "José Peña Ortiz"),
    typed("siobhan washington", "en", "Siobhán Washington"),
    typed("  欧阳伟  ", "zh", "欧阳伟"),
    several("northwind traders", "en", named("northwind", "traders")),
    several("someone from Bluebird Dental", "en", named("bluebird", "dental")),
    several("clinica pena", "es", named("clinica", "pena")),
    several("o'connor", "en", lambda p: "o'connor" in (p.name or "").casefold()),
    several("oconnor", "en", lambda p: "o'connor" in (p.name or "").casefold()),
    Question(
        "asdfghjkl ↵", "en", [(LEAD, {"lead": "asdfghjkl"})], path("error", "code"),
        lambda _: "not_found",
    ),
    chats(
        "schroder ↵ (in the list)", "de",
        lambda d: [row for row in d.rows if oracle.says(row, "schroder")], query="schroder",
    ),
    chats(
        "🎪 ↵", "en", lambda d: [row for row in d.rows if "🎪" in oracle.text(row)], query="🎪",
    ),
    chats(
        "رخصة موظف ↵", "ar",
        lambda d: [row for row in d.rows if oracle.says(row, "رخصة", "موظف")], query="رخصة موظف",
    ),
    chats(
        "прайс|тариф ↵", "ru",
        lambda d: [row for row in d.rows if oracle.says(row, "прайс") or oracle.says(row, "тариф")],
        query="прайс|тариф",
    ),
    chats(
        "demoyu çarşamba ↵", "tr",
        lambda d: [row for row in d.rows if oracle.says(row, "demoyu", "carsamba")],
        query="demoyu çarşamba",
    ),
    chats(
        "微信 ↵", "zh", lambda d: [row for row in d.rows if "微信" in oracle.text(row)],
        query="微信",
    ),
)  # fmt: skip
