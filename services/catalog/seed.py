"""Catalog's first data: the demo shop's articles, made of the words in `seed_data/`, one file for each kind.

An article's attributes are those of its kind (`same`), one value of each of the kind's `options`, those of
its form (`forms`) and its own (`facts`); a later one overrides an earlier. Its description is its own
`lead` and sentences of `made`, `feel`, `used` and `kept`. All choices follow from the article's number, so
that every run makes the same catalogue.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from services.catalog.model import Named, Product
from shop.demo import KINDS, PER_KIND
from shop.money import Money

WORDS = Path(__file__).with_name("seed_data")

COMPANIONS = {
    "NOTE": ("PENS", "PENS", "INKS", "LAMP", "NOTE"),
    "PENS": ("INKS", "INKS", "INKS", "NOTE", "PAPR", "PENS"),
    "INKS": ("PENS", "PENS", "PAPR", "BRSH", "INKS", "INKS"),
    "PAPR": ("PENS", "INKS", "BRSH", "BIND", "PAPR"),
    "BRSH": ("INKS", "INKS", "PAPR", "BRSH", "BRSH"),
    "PRSS": ("INKS", "INKS", "PAPR", "PAPR", "BRSH", "PRSS"),
    "BIND": ("BIND", "BIND", "PAPR", "PAPR", "BRSH", "PRSS"),
    "LAMP": ("NOTE", "PENS", "BIND", "LAMP"),
}
"""The kinds that go with each kind, one for every related article."""


class Part(NamedTuple):
    """A sentence of each description: the list that it is from, and how the choice goes through it."""

    name: str
    stride: int
    start: int


PARTS = (
    Part("made", stride=1, start=0),
    Part("made", stride=1, start=3),
    Part("feel", stride=3, start=1),
    Part("feel", stride=3, start=3),
    Part("used", stride=5, start=4),
    Part("kept", stride=7, start=6),
)
"""The parts of a description after its lead."""


def products() -> list[Product]:
    """The demo shop's articles, in the order of `shop.demo.SKUS`."""
    origins = _words("brands")
    kinds = {code: _words(kind.lower()) for code, kind in KINDS.items()}
    crafts = {code: [entry["craft"] for entry in words["products"]] for code, words in kinds.items()}
    return [
        _product(code, number, words, origins, crafts)
        for code, words in kinds.items()
        for number in range(PER_KIND)
    ]


def _words(name: str) -> dict[str, Any]:
    return tomllib.loads((WORDS / f"{name}.toml").read_text(encoding="utf-8"))


def _product(
    code: str,
    number: int,
    words: Mapping[str, Any],
    origins: Mapping[str, str],
    crafts: Mapping[str, list[str]],
) -> Product:
    entry = words["products"][number]
    attributes = _attributes(number, words, entry) | {"origin": origins[entry["brand"]]}
    return Product(
        sku=_sku(code, number),
        name=entry["name"],
        description=_description(number, words, entry, attributes),
        brand=_named(entry["brand"]),
        type=_named(KINDS[code]),
        price=Money(amount=entry["price"], currency="EUR"),
        attributes=attributes,
        related=_related(code, number, crafts),
    )


def _attributes(number: int, words: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    form = entry["form"]
    chosen = {
        name: values[(number * (place + 1) + number // len(values)) % len(values)]
        for place, (name, values) in enumerate(words["options"].items())
    }
    own: dict[str, Any] = (
        {"craft": entry["craft"], "form": form} | chosen | words["forms"][form] | entry.get("facts", {})
    )
    return {name: _fill_in(value, own) for name, value in words["same"].items()} | own


def _fill_in(value: Any, attributes: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_fill_in(part, attributes) for part in value]
    return value.format_map(attributes) if isinstance(value, str) else value


def _description(
    number: int, words: Mapping[str, Any], entry: Mapping[str, Any], attributes: Mapping[str, Any]
) -> str:
    choices = words["sentences"] | words.get("sentences_of", {}).get(entry["form"], {})
    sentences = [entry["lead"]]
    for part in PARTS:
        choice = choices[part.name]
        index = part.start + number * part.stride + number // 8
        sentences.append(choice[index % len(choice)].format_map(attributes))
    return " ".join(sentences)


def _related(code: str, number: int, crafts: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The nearest numbers of the companion kinds, those for the same craft before all others."""
    craft = crafts[code][number]
    chosen: list[str] = []
    for companion in COMPANIONS[code]:
        nearest = sorted(
            range(PER_KIND),
            key=lambda other: (crafts[companion][other] != craft, (other - number) % PER_KIND),
        )
        skus = (_sku(companion, other) for other in nearest if (companion, other) != (code, number))
        chosen.append(next(sku for sku in skus if sku not in chosen))
    return tuple(chosen)


def _sku(code: str, number: int) -> str:
    return f"{code}-{number + 1:03d}"


def _named(name: str) -> Named:
    return Named(id=name.lower().replace(" ", "-"), name=name)
