from datetime import UTC, datetime, timedelta, timezone

import pytest

from bff.mobile.words import TEXTS, Words
from bff.shapes import Discount, Money, Stock

SPACE = "\N{NO-BREAK SPACE}"
NARROW = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


def price(accept_language: str | None, amount: int = 123450, currency: str = "EUR") -> str:
    return Words.of(accept_language).price(Money(amount, currency))


@pytest.mark.parametrize(
    ("accept_language", "expected"),
    [
        ("en", "€1,234.50"),
        ("en-GB", "€1,234.50"),
        ("de", f"1.234,50{SPACE}€"),
        ("de-DE", f"1.234,50{SPACE}€"),
        ("DE-at", f"€{SPACE}1.234,50"),
        ("de-CH", f"EUR{SPACE}1\N{RIGHT SINGLE QUOTATION MARK}234.50"),
        ("fr", f"1{NARROW}234,50{SPACE}€"),
        ("fr-CA", f"1{SPACE}234,50{SPACE}€"),
    ],
)
def test_a_price_is_written_as_the_readers_region_does(accept_language: str, expected: str) -> None:
    assert price(accept_language) == expected


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (0, "EUR", "€0.00"),
        (5, "EUR", "€0.05"),
        (1234, "JPY", "¥1,234"),
        (1234, "KWD", "KWD1.234"),
        (1234, "XYZ", "XYZ12.34"),
        (10**12, "EUR", "€10,000,000,000.00"),
    ],
)
def test_minor_units_are_as_many_as_the_currency_has(amount: int, currency: str, expected: str) -> None:
    assert price("en", amount, currency) == expected


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        ("de;q=0.3, fr;q=0.9, en;q=0.5", "fr"),
        ("de;q=0.5, fr;q=0.5", "de"),
        ("de;q=0.999,fr", "fr"),
        ("ja, ko;q=0.9, de;q=0.1", "de"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("fr;q=0", "en"),
        ("*", "en"),
        ("*;q=0.5, de;q=0.3", "en"),
        ("*;q=0.3, de;q=0.5", "de"),
        ("de ; q = 0.8 , fr;q=0.2", "de"),
        ("fr;q=0.5,,de", "de"),
    ],
)
def test_the_best_liked_language_that_we_speak_is_spoken(accept_language: str, language: str) -> None:
    assert Words.of(accept_language).locale.language == language


@pytest.mark.parametrize(
    ("accept_language", "expected"),
    [
        ("de-XX", "de"),
        ("de-AT-XX-YY", "de_AT"),
        ("de-u-co-phonebk", "de"),
        ("fr-x-private", "fr"),
        ("en-150", "en_150"),
        ("de-1996", "de"),
        ("en-" + "-".join("abcd"), "en"),
    ],
)
def test_as_much_of_a_tag_counts_as_is_known(accept_language: str, expected: str) -> None:
    assert str(Words.of(accept_language).locale) == expected


@pytest.mark.parametrize(
    "accept_language",
    [
        None,
        "",
        ",",
        ";q=1",
        "de;q=2",
        "de;q=abc",
        "de;q=0.1234",
        "de;q",
        "de_DE",
        "de-",
        "-de",
        "d",
        "dé",
        "../../etc/passwd",
        "de/../fr",
        "tlh",
        "root",
        "und",
        "x-klingon",
        "ja",
        "germanish",
        "\x00",
        "a" * 60_000,
        "zz," * 20_000,
        "de-" + "aa-" * 20_000,
    ],
)
def test_what_cannot_be_read_or_spoken_becomes_english(accept_language: str | None) -> None:
    assert price(accept_language) == "€1,234.50"


def test_every_language_has_all_its_words() -> None:
    for language in TEXTS:
        words = Words.of(language)
        few = words.badges(Discount(15, "Sale"), Stock("PEN", 3))
        none = words.badges(None, Stock("PEN", 0))
        assert words.locale.language == language
        assert len(few) == 2
        assert "15" in few[0]
        assert "3" in few[1]
        assert len(none) == 1
        assert none[0].isalpha() or " " in none[0]


@pytest.mark.parametrize(
    ("accept_language", "discount", "few", "none"),
    [
        ("en", f"{MINUS}15%", "Only 3 left", "Sold out"),
        ("de", f"{MINUS}15{SPACE}%", "Nur noch 3", "Ausverkauft"),
        ("fr", f"{MINUS}15{SPACE}%", "Plus que 3", "Épuisé"),
    ],
)
def test_badges_speak_the_readers_language(accept_language: str, discount: str, few: str, none: str) -> None:
    words = Words.of(accept_language)

    assert words.badges(Discount(15, "Sale"), Stock("PEN", 3)) == [discount, few]
    assert words.badges(None, Stock("PEN", 0)) == [none]


@pytest.mark.parametrize(
    ("available", "badges"),
    [(None, []), (6, []), (5, ["Only 5 left"]), (1, ["Only 1 left"]), (0, ["Sold out"])],
)
def test_a_stock_is_only_worth_a_word_when_it_is_known_to_be_low(
    available: int | None, badges: list[str]
) -> None:
    assert Words.of("en").badges(None, Stock("PEN", available)) == badges


def test_an_article_of_which_nothing_is_known_has_no_badges() -> None:
    assert Words.of("en").badges(None, None) == []


def test_a_date_is_the_day_in_utc_as_the_readers_region_writes_it() -> None:
    late = datetime(2030, 11, 22, 23, 30, tzinfo=UTC)
    same = late.astimezone(timezone(timedelta(hours=9)))

    for moment in (late, same):
        assert Words.of("en-US").date(moment) == "Nov 22, 2030"
        assert Words.of("en-GB").date(moment) == "22 Nov 2030"
        assert Words.of("de").date(moment) == "22.11.2030"
        assert Words.of("fr").date(moment) == "22 nov. 2030"
