"""Localized prices, dates and short texts, by `Accept-Language`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, Self

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_percent, get_currency_precision
from babel.units import format_unit

from bff.clients.common import Money
from bff.clients.discount import Discount
from bff.clients.inventory import Stock
from frontispiece.pages import Header

FEW = 5
"""From this stock downwards the number of pieces is shown."""

MAX_LANGUAGES = 10
"""Languages of a header that are read: a long one costs no more."""


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
"""The supported languages."""

ENGLISH = Locale("en")

ELLIPSIS = "…"

_END = re.compile(
    r"[.!?…]['\"»”\u2019)]*\s+(?=[^\sa-z0-9])"  # not an abbreviation, after which a sentence goes on
    r"|[\u3002\uff01\uff1f]"  # ideographic ones, which need no space after them
)

_RANGE = re.compile(
    r"\s*(?P<tag>\*|[a-z]{1,8}(?:-[a-z0-9]{1,8}){0,4})\s*"
    r"(?:;\s*q\s*=\s*(?P<quality>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Localization:
    """A language, with the conventions of a region."""

    locale: Locale

    @classmethod
    def of(cls, accept_language: str | None) -> Self:
        """The preferred one of the supported languages; English when none is supported."""
        for tag in _by_quality(accept_language or ""):
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

    def local_time(self, moment: datetime) -> str:
        """The time of a moment in its own time zone, such as `16:30`."""
        return format_time(moment.replace(tzinfo=None), "short", locale=self.locale)

    def local_moment(self, moment: datetime) -> str:
        """The day and the time of a moment in its own time zone, such as `22 Nov 2030, 16:30`."""
        return f"{format_date(moment.date(), 'medium', locale=self.locale)}, {self.local_time(moment)}"

    def distance(self, metres: int) -> str:
        """A distance, such as `1.2 km`."""
        return format_unit(round(metres / 1000, 1), "length-kilometer", length="short", locale=self.locale)

    def badges(self, discount: Discount | None, stock: Stock | None) -> list[str]:
        """Short notes on a product: a discount, few pieces left, or none."""
        texts = TEXTS[self.locale.language]
        badges = []
        if discount is not None:
            percent = format_percent(Decimal(discount.percent) / 100, locale=self.locale)
            badges.append(f"\N{MINUS SIGN}{percent}")
        if stock is not None and stock.available is not None and stock.available <= FEW:
            badges.append(texts.few.format(stock.available) if stock.available > 0 else texts.none)
        return badges


async def localization(accept_language: Header[str | None] = None) -> Localization:
    """The client's localization."""
    return Localization.of(accept_language)


def _by_quality(header: str) -> Iterator[str]:
    """The language tags of a header by quality; malformed ones are ignored."""
    ranges = [_RANGE.fullmatch(part) for part in header.split(",", MAX_LANGUAGES)[:MAX_LANGUAGES]]
    weighted = [(float(found["quality"] or 1), found["tag"].lower()) for found in ranges if found]
    for quality, tag in sorted(weighted, key=lambda each: -each[0]):
        if quality:
            yield tag


def _nearest(tag: str) -> Locale:
    """The locale of a tag with a supported language, with as much of its region as is known."""
    while "-" in tag:
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            tag = tag.rpartition("-")[0]
    return Locale(tag)


def first_sentences(text: str, count: int) -> str:
    """The first sentences of a text."""
    ends = [end.end() for _, end in zip(range(count), _END.finditer(text), strict=False)]
    return (text[: ends[-1]] if len(ends) == count else text).strip()


def truncate(text: str, max_length: int) -> str:
    """A text of at most `max_length` characters: cut between words unless that halves it."""
    if len(text) <= max_length:
        return text
    cut = text[: max_length - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > max_length // 2 else cut).rstrip() + ELLIPSIS
