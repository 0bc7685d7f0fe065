# ruff: noqa: RUF001  what people type looks like something else
import math
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.fields.amounts.currencies import currency_code
from convocore_mcp.leads.deals.money import read_deal, read_money
from convocore_mcp.models import Value

READ = [
    ("12,500.50", 12500.5, None), ("12.500,50 €", 12500.5, "EUR"), ("$5k", 5000, None),
    ("4800", 4800, None), ("1 200", 1200, None), ("1\u202f200 €", 1200, "EUR"),
    ("AED 3 000", 3000, "AED"), ("1'200.-", 1200, None), ("CHF 1’200.50", 1200.5, "CHF"),
    ("1,234,567", 1234567, None), ("1.234.567,8", 1234567.8, None), ("€ 3.000", None, "EUR"),
    ("5,5", 5.5, None), ("1,5k", 1500, None), ("0,125", 0.125, None), ("1234,567", 1234.567, None),
    ("-5", -5, None), ("−5 €", -5, "EUR"), ("-$5", -5, None), ("$-5", -5, None),
    ("US$ 5,000.00", 5000, "USD"), ("R$ 1.200,50", 1200.5, "BRL"), ("CA$20", 20, "CAD"),
    ("500 kr", 500, None), ("500 元", 500, None), ("5k EUR", 5000, "EUR"),
    ("5000 Euro", 5000, "EUR"), ("500 zł", 500, "PLN"), ("500 Kč", 500, "CZK"),
    ("usd 500", 500, "USD"), ("500 TL", 500, "TRY"), ("١٢٣٤", 1234, None),
    ("5.000.000,-", 5e6, None), ("EUR 5.000,-", 5000, "EUR"), ("5000.-", 5000, None),
    ("5000 dollars", 5000, None), ("5 000 euros", 5000, "EUR"), ("5000 eur.", 5000, "EUR"),
    ("500 рублей", 500, "RUB"), ("500 руб.", 500, "RUB"), ("٣٠٠٠ درهم", 3000, None),
    ("500 dhs", 500, None), ("500 yen", 500, "JPY"), ("¥500", 500, None), ("Rs. 500", 500, None),
    ("٣٬٠٠٠٫٥٠", 3000.5, None), ("۱۲۳۴", 1234, None), ("１２３４", 1234, None),
    ("₹1,00,000", 100000, "INR"), ("12,34,567.89", 1234567.89, None),
    ("5000 USD", 5000, "USD"), ("USD$ 5000", 5000, "USD"), ("5000 US$", 5000, "USD"),
    ("$5,000.00 USD", 5000, "USD"), ("5000 US Dollars", 5000, "USD"), ("U$S 500", 500, "USD"),
    ("5000 UAE dirhams", 5000, "AED"), ("€ 500 EUR", 500, "EUR"),
    ("+500", 500, None), ("-0", 0, None), ("1,234.5", 1234.5, None),
]  # fmt: skip
UNPARSED = [
    "", " ", "abc", "TBD", "10-15k", "12,500", "3.000", "$ 3.000", "5 or 6", "1,2,3", "5 %", "1e5",
    "0x10", "1_000", "--5", "2 Mio", "1.5 mln", "3 lakh", "12 tys", "5m", "5 bn", "12 kg",
    "5 days", "9" * 400, "1 2", "NaN", "inf", "5.", "two",
    "$.50", "USD.50", "(500)", "500-", "5000/mo", "~500", "ca. 500", "1,00,00", "nan",
    "Infinity", "-inf", "+-5", "500 per year",
    "€500 USD", "USD 500 EUR", "500 nice days", "500 US days",
]  # fmt: skip


money_like = st.from_regex(r"[$€kEUR ]{0,3}[-0-9., ']{1,14}[k€ USD]{0,4}", fullmatch=True)


@pytest.mark.parametrize(("text", "amount", "currency"), READ)
def test_a_value_that_can_be_read_one_way_is_read(
    text: str, amount: float | None, currency: str | None
) -> None:
    """Promised by docs/upstream.md, "The list endpoint": values as people type them.

    Ours: where the amount is ambiguous, the currency beside it is still read.

    Holds docs/contract.md #readings.
    """
    assert read_money(text) == (amount, currency)


@pytest.mark.parametrize("text", UNPARSED)
def test_a_value_that_can_be_read_in_two_ways_or_none_is_not_guessed(text: str) -> None:
    """Promised by docs/contract.md, "A lead": a value with two readings is unparsed.

    Holds docs/contract.md #unparsed #readings.
    """
    assert read_money(text) == (None, None)


@given(st.text(st.characters(), max_size=40) | money_like)
def test_an_amount_has_the_digits_that_are_written_there(text: str) -> None:
    """Promised by docs/contract.md, "A lead": a value with two readings is unparsed."""
    amount, currency = read_money(text)
    assert currency is None or re.fullmatch("[A-Z]{3}", currency)
    if amount is None:
        return
    assert math.isfinite(amount)
    written = "".join(str(unicodedata.decimal(c)) for c in text if c.isdecimal())
    decimals = [f"{written[:i]}.{written[i:]}" for i in range(1, len(written) + 1)]
    factors = (1, 1000) if re.search("k", text, re.IGNORECASE) else (1,)
    assert abs(amount) in {float(reading) * factor for reading in decimals for factor in factors}
    if amount < 0:
        assert re.search("[-\u2212]", text)


@given(st.integers() | st.floats() | st.sampled_from([10**400, -(10**400)]))
def test_a_number_is_its_own_amount_unless_it_is_too_large(value: float) -> None:
    """Ours: infinite and very large numbers would spoil sums."""
    amount, currency = read_money(value)
    assert currency is None
    assert amount == value if abs(value) <= 2**53 else amount is None


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("eur", "EUR"), (" Usd ", "USD"), ("€", "EUR"), ("", None), (" ", None), (None, None),
        ("US$", "USD"), ("us dollar", "USD"), ("US Dollars", "USD"), ("USD$", "USD"),
        ("$USD", "USD"), ("USD ($)", "USD"), ("U.S. Dollar", "USD"), ("USD - US Dollar", "USD"),
        ("$ US", "$ US"), ("U$S", "USD"), ("A$", "AUD"), ("Pound Sterling", "GBP"),
        ("UAE Dirham", "AED"), ("AED dirhams", "AED"), ("Euros", "EUR"), ("EUR €", "EUR"),
        ("€ USD", "€ USD"), ("usd or eur", "USD OR EUR"), ("$", "$"), ("kr", "KR"),
        ("btc", "BTC"), ("all of it", "ALL OF IT"), ("x" * 300, "X" * 300),
    ],
)  # fmt: skip
def test_currencies_are_iso_codes_where_the_text_says_one_and_else_upper_cased(
    written: str | None, code: str | None
) -> None:
    """Promised by docs/contract.md, "A lead": one spelling of a currency, to group sums by.

    Holds docs/contract.md #currencies.
    """
    assert currency_code(written) == code


@given(st.text(st.characters(), max_size=60))
def test_a_currency_code_is_its_own_code(text: str) -> None:
    """Ours: the mirror keeps codes, and looks them up again."""
    code = currency_code(text)
    assert currency_code(code) == code


@pytest.mark.parametrize(
    ("value", "currency", "deal"),
    [
        ("5000 USD", "EUR", (None, "EUR")),
        ("5000 USD", "usd", (5000, "USD")),
        ("5000 USD", "US Dollar", (5000, "USD")),
        ("5000 USD", None, (5000, "USD")),
        ("5000 USD", "$", (5000, "USD")),
        ("500 SEK", "kr", (500, "SEK")),
        ("12.500,50 €", "GBP", (None, "GBP")),
        ("€ 3.000", "EUR", (None, "EUR")),
        ("$5k", "EUR", (5000, "EUR")),  # `$` is the sign of many, and names none
        (5000, "EUR", (5000, "EUR")),
        (5000, None, (5000, None)),
        ("abc", "EUR", (None, "EUR")),
        (None, "EUR", (None, "EUR")),
    ],
)
def test_a_value_that_names_another_currency_than_its_row_has_no_amount(
    value: Value | None, currency: str | None, deal: tuple[float | None, str | None]
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": money.

    Holds docs/contract.md #currency-conflict.
    """
    assert read_deal(value, currency) == deal
