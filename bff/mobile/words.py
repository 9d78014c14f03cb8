"""How screens speak to their reader: prices, dates and short texts, as `Accept-Language` asks for them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, Self

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_percent, get_currency_precision

from bff.shapes import Discount, Money, Stock
from gateway.page import Inbound

FEW = 5
"""From so many pieces on it is said how many are left."""

MOST_LANGUAGES = 10
"""So many languages of a header are looked at: reading it costs little, however long it is."""


class Texts(NamedTuple):
    """The short texts in one language, worded so that they fit any number."""

    few: str
    none: str


TEXTS = {
    "en": Texts("Only {} left", "Sold out"),
    "de": Texts("Nur noch {}", "Ausverkauft"),
    "fr": Texts("Plus que {}", "Épuisé"),
    "es": Texts("Últimas unidades: {}", "Agotado"),
    "it": Texts("Ultimi pezzi: {}", "Esaurito"),
    "nl": Texts("Nog maar {}", "Uitverkocht"),
    "pt": Texts("Últimas unidades: {}", "Esgotado"),
    "sv": Texts("Bara {} kvar", "Slutsåld"),
}
"""The languages that screens speak."""

ENGLISH = Locale("en")

_RANGE = re.compile(
    r"\s*(?P<tag>\*|[a-z]{1,8}(?:-[a-z0-9]{1,8}){0,4})\s*"
    r"(?:;\s*q\s*=\s*(?P<quality>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Words:
    """One reader's language, with the ways of their region."""

    locale: Locale

    @classmethod
    def of(cls, accept_language: str | None) -> Self:
        """What the reader likes best of the languages we speak; English when that is none of them."""
        for tag in _by_liking(accept_language or ""):
            if tag == "*":
                break
            if tag.partition("-")[0] in TEXTS:
                return cls(_nearest(tag))
        return cls(ENGLISH)

    def price(self, money: Money) -> str:
        """An amount with its currency, such as `€12.90`."""
        amount = Decimal(money.amount).scaleb(-get_currency_precision(money.currency))
        return format_currency(amount, money.currency, locale=self.locale)

    def date(self, moment: datetime) -> str:
        """The day of a moment, in UTC, such as `22 Nov 2030`."""
        return format_date(moment.astimezone(UTC), "medium", locale=self.locale)

    def badges(self, discount: Discount | None, stock: Stock | None) -> list[str]:
        """What is worth pointing out about an article: a discount, few pieces left, or none."""
        texts = TEXTS[self.locale.language]
        badges = []
        if discount is not None:
            percent = format_percent(Decimal(discount.percent) / 100, locale=self.locale)
            badges.append(f"\N{MINUS SIGN}{percent}")
        if stock is not None and stock.available is not None and stock.available <= FEW:
            badges.append(texts.few.format(stock.available) if stock.available > 0 else texts.none)
        return badges


async def words(request: Inbound) -> Words:
    """How to speak to the reader."""
    return Words.of(request.header("accept-language"))


def _by_liking(header: str) -> Iterator[str]:
    """The language tags in a header, the best liked first; what cannot be read is passed over."""
    ranges = [_RANGE.fullmatch(part) for part in header.split(",", MOST_LANGUAGES)[:MOST_LANGUAGES]]
    liked = [(float(found["quality"] or 1), found["tag"].lower()) for found in ranges if found]
    for quality, tag in sorted(liked, key=lambda each: -each[0]):
        if quality:
            yield tag


def _nearest(tag: str) -> Locale:
    """The locale of a tag whose language is one of ours, with as much of its region as is known."""
    while "-" in tag:
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            tag = tag.rpartition("-")[0]
    return Locale(tag)
