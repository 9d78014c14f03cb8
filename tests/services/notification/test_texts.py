"""Messages in each language."""

import pytest

from services.notification.model import Kind
from services.notification.texts import (
    REASONS,
    TEMPLATES,
    Language,
    price_in_words,
    reason_in_words,
    render,
)

VALUES = {"order_id": "ORDER", "total": "TOTAL", "reason": "REASON", "tracking_code": "CODE"}


@pytest.mark.parametrize("language", Language)
def test_every_language_has_every_text_and_reason(language: Language) -> None:
    assert set(TEMPLATES[language]) == set(Kind)
    assert set(REASONS[language]) == set(REASONS[Language.ENGLISH])


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("kind", "value"), [(Kind.CONFIRMED, "TOTAL"), (Kind.CANCELLED, "REASON"), (Kind.DISPATCHED, "CODE")]
)
def test_every_text_names_the_order_and_what_has_happened(language: Language, kind: Kind, value: str) -> None:
    text = render(language, kind, **VALUES).text

    assert "ORDER" in text
    assert value in text


@pytest.mark.parametrize(
    ("language", "currency", "shown"),
    [
        (Language.ENGLISH, "EUR", "€44.25"),
        (Language.GERMAN, "EUR", "44,25\N{NO-BREAK SPACE}€"),
        (Language.ENGLISH, "JPY", "¥4,425"),
    ],
)
def test_a_price_is_written_as_the_language_does(language: Language, currency: str, shown: str) -> None:
    assert price_in_words(language, 4425, currency) == shown


def test_a_reason_without_words_is_named_as_it_is() -> None:
    assert reason_in_words(Language.GERMAN, "struck-by-lightning") == "struck-by-lightning"
