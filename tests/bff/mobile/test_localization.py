from datetime import UTC, datetime, timedelta, timezone

import pytest

from bff.clients.common import Money
from bff.clients.discount import Discount
from bff.clients.inventory import Stock
from bff.mobile.localization import TEXTS, Localization, first_sentences, truncate

SPACE = "\N{NO-BREAK SPACE}"
NARROW = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


def price(accept_language: str | None, amount: int = 123450, currency: str = "EUR") -> str:
    return Localization.of(accept_language).price(Money(amount, currency))


def test_a_price_is_written_as_the_readers_region_does() -> None:
    expected = {
        "en": "€1,234.50",
        "en-GB": "€1,234.50",
        "de": f"1.234,50{SPACE}€",
        "de-DE": f"1.234,50{SPACE}€",
        "DE-at": f"€{SPACE}1.234,50",
        "de-CH": f"EUR{SPACE}1\N{RIGHT SINGLE QUOTATION MARK}234.50",
        "fr": f"1{NARROW}234,50{SPACE}€",
        "fr-CA": f"1{SPACE}234,50{SPACE}€",
    }
    assert {accept_language: price(accept_language) for accept_language in expected} == expected


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


def test_the_best_liked_language_that_we_speak_is_spoken() -> None:
    expected = {
        "de;q=0.3, fr;q=0.9, en;q=0.5": "fr",
        "de;q=0.5, fr;q=0.5": "de",
        "de;q=0.999,fr": "fr",
        "ja, ko;q=0.9, de;q=0.1": "de",
        "de;q=0, fr;q=0.1": "fr",
        "fr;q=0": "en",
        "*": "en",
        "*;q=0.5, de;q=0.3": "en",
        "*;q=0.3, de;q=0.5": "de",
        "de ; q = 0.8 , fr;q=0.2": "de",
        "fr;q=0.5,,de": "de",
    }
    assert {
        accept_language: Localization.of(accept_language).locale.language for accept_language in expected
    } == expected


def test_as_much_of_a_tag_counts_as_is_known() -> None:
    expected = {
        "de-XX": "de",
        "de-AT-XX-YY": "de_AT",
        "de-u-co-phonebk": "de",
        "fr-x-private": "fr",
        "en-150": "en_150",
        "de-1996": "de",
        "en-" + "-".join("abcd"): "en",
    }
    assert {
        accept_language: str(Localization.of(accept_language).locale) for accept_language in expected
    } == expected


def test_every_language_has_all_its_texts() -> None:
    for language in TEXTS:
        localization = Localization.of(language)
        few = localization.badges(Discount(15, "Sale"), Stock("PEN", 3))
        none = localization.badges(None, Stock("PEN", 0))
        assert localization.locale.language == language
        assert len(few) == 2
        assert "15" in few[0]
        assert "3" in few[1]
        assert len(none) == 1
        assert none[0].isalpha() or " " in none[0]
    assert Localization.of("de").badges(Discount(15, "Sale"), Stock("PEN", 3)) == [
        f"{MINUS}15{SPACE}%",
        "Nur noch 3",
    ]


def test_a_date_is_the_day_in_utc_as_the_readers_region_writes_it() -> None:
    late = datetime(2030, 11, 22, 23, 30, tzinfo=UTC)
    same = late.astimezone(timezone(timedelta(hours=9)))

    for moment in (late, same):
        assert Localization.of("en-US").date(moment) == "Nov 22, 2030"
        assert Localization.of("en-GB").date(moment) == "22 Nov 2030"
        assert Localization.of("de").date(moment) == "22.11.2030"
        assert Localization.of("fr").date(moment) == "22 nov. 2030"


def test_a_description_is_cut_after_its_second_sentence() -> None:
    expected = {
        "": "",
        "No end": "No end",
        "One.": "One.",
        "One. Two.": "One. Two.",
        "One. Two. Three.": "One. Two.",
        "One! Two? Three.": "One! Two?",
        "One…  Two.\nThree.": "One…  Two.",
        "“One.” “Two.” Three.": "“One.” “Two.”",
        "It is 1.5 mm wide, e.g. for ink. It writes. It ends.": "It is 1.5 mm wide, e.g. for ink. It writes.",
        "Holds approx. 12 g. Ünder. Three.": "Holds approx. 12 g. Ünder.",
        "Yes?! No. Three": "Yes?! No.",
        "...": "...",
        "一\u3002二\u3002三\u3002": "一\u3002二\u3002",
    }
    assert {text: first_sentences(text, 2) for text in expected} == expected


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("", ""),
        ("ten chars!", "ten chars!"),
        ("more than ten", "more than…"),
        ("a wholelongword", "a wholelo…"),
        ("wholelongword", "wholelong…"),
    ],
)
def test_a_text_is_cut_between_words_where_that_does_not_cost_half_of_it(text: str, short: str) -> None:
    assert truncate(text, 10) == short
    assert len(truncate(text, 10)) <= 10
