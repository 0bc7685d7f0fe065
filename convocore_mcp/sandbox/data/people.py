"""Who writes to the demo agent: people of many countries, each a function of seed and number."""

# Names stand in their own script; the look-alike rule would have them written in Latin.
# ruff: noqa: RUF001
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from convocore_mcp.sandbox.data.chance import Dice, mix

_PEOPLE: Final = 101
_IDENTITY: Final = 102
_SHARING: Final = 50
_IDENTIFIED_PERCENT: Final = 45


@dataclass(frozen=True, slots=True)
class Country:
    """Where a person lives: how names, phones and money look there."""

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
    """Someone with zero or more ways to be reached. Emails are unique, phones nearly so."""

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
    """Whether Convocore knows this person across channels."""
    if number % _SHARING in (6, 7):  # a phone is shared only between two known people
        return True
    return mix(seed + _IDENTITY, number) % 100 < _IDENTIFIED_PERCENT


@lru_cache(maxsize=8192)
def person(seed: int, number: int) -> Person:
    """Person `number`. Every fiftieth shares a phone with the one before, as families do."""
    dice = Dice(seed + _PEOPLE, number)
    country = dice.pick(COUNTRIES)
    given, family = dice.pick(country.given), dice.pick(country.family)
    handle = f"visitor{number:x}"
    if given.isascii() and family.isascii():
        handle = f"{given}.{family}{number:x}".lower().replace(" ", "").replace("'", "")
    sharing = number % _SHARING == 7  # the partner of 6, see has_identity
    shared = sharing or number % _SHARING == 6
    lender = person(seed, number - 1) if sharing else None
    phone = lender.phone if lender else _phone(country, seed, number)
    return Person(
        number=number,
        country=country,
        name=f"{family}{given}" if country.family_first else f"{given} {family}",
        handle=handle,
        email=f"{handle}@{country.domain}" if dice.chance(78) else None,
        phone=phone if shared or dice.chance(72) else None,
        calling=lender.calling if lender else country.calling,
        company=dice.pick(country.companies) if dice.chance(60) else None,
        identity=f"ci_{mix(seed + _IDENTITY, ~number & 0xFFFFFFFF):016x}"
        if has_identity(seed, number)
        else None,
        shares_phone=shared,
    )


def written(phone: str, calling: str, dice: Dice) -> str:
    """A phone number (digits, with the country's code) as people and channels write it."""
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
    return dice.pick(styles)


def _phone(country: Country, seed: int, number: int) -> str:
    # Coprime to every power of ten: two people of one country never get the same number.
    digits = (number * 2654435761 + seed * 7919) % 10**country.digits
    return f"{country.calling}{country.mobile}{digits:0{country.digits}d}"
