"""Currencies as people write them, and the ISO codes that they mean."""

import re
import unicodedata
from functools import lru_cache

_CODES_TEXT = """
AED AFL AFN ALL AMD ANG AOA ARS ATS AUD AWG AZN BAM BBD BDT BEF BGN BHD BIF BMD BND BOB BOV
BRL BSD BTN BWP BYN BYR BZD CAD CDF CHE CHF CHW CLF CLP CNH CNY COP COU CRC CUC CUP CVE CYP
CZK DEM DJF DKK DOP DZD EEK EGP ERN ESP ETB EUR FIM FJD FKP FRF GBP GEL GGP GHS GIP GMD GNF
GRD GTQ GYD HKD HNL HRK HTG HUF IDR IEP ILS IMP INR IQD IRR ISK ITL JEP JMD JOD JPY KES KGS
KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LTL LUF LVL LYD MAD MDL MGA MKD MMK MNT MOP
MRO MRU MTL MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NLG NOK NPR NTD NZD OMR PAB PEN PGK PHP
PKR PLN PRB PTE PYG QAR RMB RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SIT SKK SLE SLL SOS
SRD SSP STD STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TVD TWD TZS UAH UGX USD USN UYI UYU
UYW UZS VAL VED VEF VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF
XPT XSU XTS XUA XXX YER ZAR ZMK ZMW ZWD ZWG ZWL
"""
"""ISO 4217, with former codes, which old deals have, and some that people use (`RMB`, `CNH`)."""
_CODES = frozenset(_CODES_TEXT.split())
CURRENCY_SIGNS = {
    "€": "EUR", "₹": "INR", "₪": "ILS", "₺": "TRY", "₽": "RUB", "₴": "UAH", "₫": "VND",
    "₦": "NGN", "₩": "KRW", "฿": "THB", "₱": "PHP", "₸": "KZT", "₾": "GEL", "ZŁ": "PLN",
    "EURO": "EUR", "EUROS": "EUR", "KČ": "CZK", "TL": "TRY", "ГРН": "UAH", "ТГ": "KZT",
    "РУБ": "RUB", "РУБЛЕЙ": "RUB", "РУБЛЯ": "RUB", "RMB": "CNY", "YEN": "JPY", "يورو": "EUR",
    "US$": "USD", "U$S": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD",
    "HK$": "HKD", "NZ$": "NZD", "S$": "SGD", "R$": "BRL", "MX$": "MXN", "NT$": "TWD",
}  # fmt: skip
"""Signs and words that mean one currency: `$`, `£`, `¥` and `kr` belong to several."""
AMBIGUOUS_CURRENCIES = frozenset(
    {
        "DH", "DHS", "KR", "RS", "FR", "SFR", "SR", "DOLLAR", "DOLLARS", "POUND", "POUNDS", "PESO",
        "PESOS", "DIRHAM", "DIRHAMS", "RIYAL", "RIYALS", "RUPEE", "RUPEES", "FRANC", "FRANCS",
        "DINAR", "DINARS", "KRONE", "KRONER", "KRONA", "KRONOR",
        "درهم", "ريال", "دولار", "جنيه", "دينار", "元", "円",
    }
)  # fmt: skip
_COUNTRIES = {
    "US": {"DOLLAR": "USD"}, "AMERICAN": {"DOLLAR": "USD"}, "UNITED STATES": {"DOLLAR": "USD"},
    "CANADIAN": {"DOLLAR": "CAD"}, "CANADA": {"DOLLAR": "CAD"}, "AUSTRALIAN": {"DOLLAR": "AUD"},
    "NEW ZEALAND": {"DOLLAR": "NZD"}, "HONG KONG": {"DOLLAR": "HKD"}, "HK": {"DOLLAR": "HKD"},
    "SINGAPORE": {"DOLLAR": "SGD"}, "BRITISH": {"POUND": "GBP"}, "UK": {"POUND": "GBP"},
    "EGYPTIAN": {"POUND": "EGP"}, "UAE": {"DIRHAM": "AED"}, "EMIRATI": {"DIRHAM": "AED"},
    "MOROCCAN": {"DIRHAM": "MAD"}, "SAUDI": {"RIYAL": "SAR"}, "QATARI": {"RIYAL": "QAR"},
    "KUWAITI": {"DINAR": "KWD"}, "BAHRAINI": {"DINAR": "BHD"}, "JORDANIAN": {"DINAR": "JOD"},
    "INDIAN": {"RUPEE": "INR"}, "PAKISTANI": {"RUPEE": "PKR"}, "SWISS": {"FRANC": "CHF"},
    "MEXICAN": {"PESO": "MXN"}, "ARGENTINE": {"PESO": "ARS"}, "CHILEAN": {"PESO": "CLP"},
    "COLOMBIAN": {"PESO": "COP"}, "PHILIPPINE": {"PESO": "PHP"}, "DANISH": {"KRONE": "DKK"},
    "NORWEGIAN": {"KRONE": "NOK"}, "SWEDISH": {"KRONA": "SEK"}, "JAPANESE": {"YEN": "JPY"},
    "CHINESE": {"YUAN": "CNY"}, "TURKISH": {"LIRA": "TRY"}, "BRAZILIAN": {"REAL": "BRL"},
    "POLISH": {"ZLOTY": "PLN"}, "RUSSIAN": {"RUBLE": "RUB"}, "SOUTH AFRICAN": {"RAND": "ZAR"},
}  # fmt: skip
CURRENCY_NAMES = {
    "POUND STERLING": "GBP", "POUNDS STERLING": "GBP", "STERLING": "GBP", "YUAN": "CNY",
    "RENMINBI": "CNY", "RUBLE": "RUB", "ZLOTY": "PLN", "FORINT": "HUF", "SHEKEL": "ILS",
    "NAIRA": "NGN", "HRYVNIA": "UAH", "BAHT": "THB", "RINGGIT": "MYR", "RUPIAH": "IDR",
    **{
        f"{country} {name}{plural}": code
        for country, of_country in _COUNTRIES.items()
        for name, code in of_country.items()
        for plural in ("", "S")
    },
}  # fmt: skip
"""Names that mean one currency."""
_LONGEST_FIRST = sorted(CURRENCY_NAMES, key=len, reverse=True)
_NAMES = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, _LONGEST_FIRST))})(?!\w)")
_PARTS = re.compile(r"[^\W\d_]+|[^\w\s.,:;/()-]")
_MAX_LENGTH = 40
"""Characters of the longest text that is looked at for a currency."""


@lru_cache(maxsize=1024)
def currency_code(currency: str | None) -> str | None:
    """The ISO code that `currency` says: a code, a sign or a name; else the text in upper case.

    `US$`, `USD$`, `US Dollar` and `USD (US dollars)` are `USD`. A text that names two currencies
    names none. `None` if it is empty.
    """
    upper = (currency or "").strip().upper()
    if not upper or upper in _CODES:
        return CURRENCY_SIGNS.get(upper, upper) or None
    return named_currency(upper) or upper


@lru_cache(maxsize=1024)
def named_currency(text: str) -> str | None:
    """The ISO code of the one currency that `text` names, and nothing besides; else `None`."""
    upper = text.strip().upper()
    if len(upper) > _MAX_LENGTH:
        return None
    codes, rest = _codes_in(" ".join(upper.replace(".", "").split()))
    return codes.pop() if len(codes) == 1 and all(map(is_ambiguous, rest)) else None


def names_money(text: str) -> bool:
    """Whether `text` is a currency, and not a multiplier (`Mio`, `lakh`) or a unit (`kg`)."""
    upper = text.strip().upper()
    return is_ambiguous(upper) or upper.endswith("$") or named_currency(upper) is not None


def _codes_in(text: str) -> tuple[set[str], list[str]]:
    """The ISO codes that parts of `text` mean, and the parts that mean none."""
    for names in (CURRENCY_SIGNS, CURRENCY_NAMES):
        if text in names:
            return {names[text]}, []
    codes = {CURRENCY_NAMES[name] for name in _NAMES.findall(text)}
    parts: list[str] = _PARTS.findall(_NAMES.sub(" ", text))
    means = {part: CURRENCY_SIGNS.get(part) or (part if part in _CODES else None) for part in parts}
    codes |= {code for code in means.values() if code is not None}
    return codes, [part for part in parts if means[part] is None]


def is_ambiguous(part: str) -> bool:
    """Whether `part` is money without saying which: `$`, `dollars`."""
    is_sign = len(part) == 1 and unicodedata.category(part) == "Sc"
    return part in AMBIGUOUS_CURRENCIES or is_sign
