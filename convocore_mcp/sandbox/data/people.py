"""The people who write to the demo agent, from many countries: functions of seed and number."""

# Names are in their own script, where ruff's rule on look-alike letters would want Latin ones.
# ruff: noqa: RUF001
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from convocore_mcp.sandbox.data.seeded_random import SeededRandom, hash64

# Added to the seed, so that each kind of decision has random numbers of its own.
_PEOPLE: Final = 101
_IDENTITY: Final = 102
_SHARED_PHONE_EVERY: Final = 50
_LENDER, _SHARER = 6, 7  # positions among 50 people: the second has the phone of the first
_IDENTIFIED_PERCENT: Final = 45


@dataclass(frozen=True, slots=True)
class Country:
    """A country: its names, phone numbers and currency."""

    code: str
    language: str
    calling: str
    mobile: str
    digits: int
    currency: str
    city: str
    domain: str
    given: tuple[str, ...]
    family: tuple[str, ...]
    companies: tuple[str, ...]
    family_first: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """A person with any number of contact values. Emails are unique, phones nearly so."""

    number: int
    country: Country
    name: str
    handle: str
    email: str | None
    phone: str | None
    calling: str
    company: str | None
    identity: str | None
    shares_phone: bool


COUNTRIES: Final = (
    Country(
        "US", "en", "1", "4155", 6, "USD", "San Francisco", "example.com",
        ("Jane", "Marcus", "Aaliyah", "Bob", "Grace", "Tyler", "Siobhán", "Wei-Lin"),
        ("Miller", "O'Connor", "Washington", "Nguyen", "Smith-Jones", "Garcia", "Lee"),
        ("Acme Corp", "Bluebird Dental", "Harbor & Sons", "Northwind Traders", "Pied Piper, Inc."),
    ),
    Country(
        "GB", "en", "44", "7400", 6, "GBP", "Manchester", "example.co.uk",
        ("Oliver", "Amelia", "Harry", "Priya", "Zoë", "Chloë", "Imran"),
        ("Taylor", "Brown", "Patel", "Ó Briain", "Khan", "Wright"),
        ("Thistle Lettings Ltd", "Cavendish Motors", "Oak & Ivy Interiors"),
    ),
    Country(
        "DE", "de", "49", "1512", 7, "EUR", "Köln", "beispiel.example",
        ("Jürgen", "Anna-Lena", "Björn", "Käthe", "Sören", "Greta", "Mehmet"),
        ("Müller", "Weiß", "Schröder", "von der Heyden", "Größmann", "Yılmaz"),
        ("Müller & Söhne GmbH", "Bäckerei Weiß", "Grünwald Energie AG"),
    ),
    Country(
        "ES", "es", "34", "6", 8, "EUR", "Sevilla", "ejemplo.example",
        ("José", "María", "Íñigo", "Begoña", "Nuria", "Raúl"),
        ("García López", "Muñoz", "Etxeberria", "Núñez", "Peña Ortiz"),
        ("Clínica Peña", "Gestoría Núñez S.L.", "Aceites del Sur"),
    ),
    Country(
        "FR", "fr", "33", "6", 8, "EUR", "Lyon", "exemple.example",
        ("François", "Zoé", "Léa", "Jérôme", "Maëlle", "Noël"),
        ("Lefèvre", "d'Aubigné", "Garçon", "Bélanger", "Œuvrard"),
        ("Boulangerie Lefèvre", "Atelier Garçon SARL", "Éclair Conseil"),
    ),
    Country(
        "BR", "pt", "55", "119", 8, "BRL", "São Paulo", "exemplo.example",
        ("João", "Conceição", "Luíza", "Antônio", "Thaís"),
        ("da Silva", "Gonçalves", "Araújo", "Magalhães"),
        ("Padaria São João", "Construções Araújo Ltda", "Moda Praia"),
    ),
    Country(
        "SA", "ar", "966", "50", 7, "SAR", "الرياض", "mithal.example",
        ("محمد", "فاطمة", "عبد الله", "نورة", "خالد"),
        ("العتيبي", "الزهراني", "بن سعود", "القحطاني"),
        ("شركة الواحة", "مؤسسة النخيل للتجارة", "Oasis Trading Co."),
    ),
    Country(
        "EG", "ar", "20", "10", 8, "EGP", "القاهرة", "masr.example",
        ("أحمد", "ياسمين", "مصطفى", "منى"),
        ("حسن", "عبد الرحمن", "السيد", "فؤاد"),
        ("شركة النيل", "مصر للسياحة الحديثة"),
    ),
    Country(
        "CN", "zh", "86", "138", 8, "CNY", "上海", "lizi.example",
        ("伟", "芳", "秀英", "小龙", "静"),
        ("王", "李", "张", "欧阳", "陈"),
        ("上海云帆科技有限公司", "华星贸易", "Lucky Star Ltd."),
        family_first=True,
    ),
    Country(
        "JP", "ja", "81", "905", 7, "JPY", "大阪", "rei.example",
        ("さくら", "健太", "美咲", "太郎"),
        ("佐藤", "鈴木", "高橋", "渡辺"),
        ("株式会社さくら", "高橋商店"),
        family_first=True,
    ),
    Country(
        "UA", "ru", "380", "50", 7, "UAH", "Харків", "pryklad.example",
        ("Олександр", "Наталія", "Дмитро", "Юлія"),
        ("Шевченко", "Коваленко", "Мельник"),
        ("ТОВ «Світанок»", "Кав'ярня Львів"),
    ),
    Country(
        "RU", "ru", "7", "916", 7, "RUB", "Москва", "primer.example",
        ("Анна", "Сергей", "Екатерина", "Фёдор"),
        ("Иванова", "Кузнецов", "Соловьёва"),
        ("ООО «Ромашка»", "Северный ветер"),
    ),
    Country(
        "TR", "tr", "90", "532", 7, "TRY", "İzmir", "ornek.example",
        ("Ayşe", "İbrahim", "Gökçe", "Çağlar"),
        ("Yıldız", "Öztürk", "Şahin"),
        ("Işık Mobilya A.Ş.", "Gül Turizm"),
    ),
    Country(
        "IN", "hi", "91", "98", 8, "INR", "मुंबई", "udaharan.example",
        ("Ananya", "राहुल", "Arjun", "प्रिया"),
        ("Sharma", "वर्मा", "Iyer", "पटेल"),
        ("Lotus Textiles Pvt. Ltd.", "शर्मा ज्वेलर्स"),
    ),
)  # fmt: skip


def has_identity(seed: int, number: int) -> bool:
    """Whether Convocore knows this person across channels: always, where a phone is shared."""
    if number % _SHARED_PHONE_EVERY in (_LENDER, _SHARER):
        return True
    return hash64(seed + _IDENTITY, number) % 100 < _IDENTIFIED_PERCENT


@lru_cache(maxsize=8192)
def make_person(seed: int, number: int) -> Person:
    """Person `number`. One in fifty shares a phone with the person before, as families do."""
    rng = SeededRandom(seed + _PEOPLE, number)
    country = rng.pick(COUNTRIES)
    given, family = rng.pick(country.given), rng.pick(country.family)
    handle = f"visitor{number:x}"
    if given.isascii() and family.isascii():
        handle = f"{given}.{family}{number:x}".lower().replace(" ", "").replace("'", "")
    position = number % _SHARED_PHONE_EVERY
    shares_phone = position in (_LENDER, _SHARER)
    lender = make_person(seed, number - 1) if position == _SHARER else None
    phone = lender.phone if lender else _phone(country, seed, number)
    return Person(
        number=number,
        country=country,
        name=f"{family}{given}" if country.family_first else f"{given} {family}",
        handle=handle,
        email=f"{handle}@{country.domain}" if rng.chance(78) else None,
        phone=phone if shares_phone or rng.chance(72) else None,
        calling=lender.calling if lender else country.calling,
        company=rng.pick(country.companies) if rng.chance(60) else None,
        identity=f"ci_{hash64(seed + _IDENTITY, ~number & 0xFFFFFFFF):016x}"
        if has_identity(seed, number)
        else None,
        shares_phone=shares_phone,
    )


def format_phone(phone: str, calling: str, rng: SeededRandom) -> str:
    """A phone number (digits with the calling code), as a person or a channel may write it."""
    rest = phone[len(calling) :]
    a, b, c = rest[:3], rest[3:6], rest[6:]
    styles = (
        f"+{phone}",
        f"+{phone}",
        f"+{phone}",
        f"+{calling} {a} {b} {c}",
        f"+{calling}-{a}-{b}-{c}",
        f"00{phone}",
        f"(+{calling}) {a}.{b}.{c}",
        phone,
        f" +{calling} ({a}) {b}{c} ",
    )
    return rng.pick(styles)


def _phone(country: Country, seed: int, number: int) -> str:
    # The factor is coprime to powers of ten: no two people of a country get the same number.
    digits = (number * 2654435761 + seed * 7919) % 10**country.digits
    return f"{country.calling}{country.mobile}{digits:0{country.digits}d}"
