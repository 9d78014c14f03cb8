"""The documents of the upstream, and the pages that every candidate must make of them."""

import json
from typing import Any

Document = dict[str, Any]

PARTS = ("a", "b", "c")
LISTED = [f"i{number}" for number in range(50)]
"""The ids of `/list`: an answer names them, and one page shows them all."""

FALLBACK = {"title": "unknown", "price": 0, "rating": 0.0, "labels": []}
"""What a page shows in place of a part that does not answer."""

SMALL, BIG = 512, 100 * 1024
"""Lengths in bytes of the two bodies that are passed through."""

_TEXT = "Printed on paper that lies flat, sewn in sections, bound in linen; made to be used for years."


def part(name: str) -> Document:
    """A document of about 300 bytes, of which pages show less than half."""
    number = sum(map(ord, name))
    return {
        "id": name,
        "title": f"Part {name}",
        "price": 1000 + number,
        "currency": "EUR",
        "rating": number % 50 / 10,
        "labels": ["new", "linen", name],
        "text": _TEXT,
        "updated": "2025-01-01T00:00:00Z",
        "weight": 250,
        "origin": {"country": "PT", "region": "Norte"},
    }


def product(name: str) -> Document:
    """A document that names a brand, which has to be asked for in a second step."""
    return {**part(name), "brand_id": f"brand-of-{name}"}


def brand(name: str) -> Document:
    """The brand of a product."""
    return {"id": name, "name": f"The makers of {name}", "text": _TEXT, "since": 1954}


def filled(length: int) -> bytes:
    """A JSON document of exactly this many bytes."""
    frame = json.dumps({"text": ""})
    return json.dumps({"text": "x" * (length - len(frame))}).encode()


def shown(document: Document) -> Document:
    """What a page shows of a part."""
    return {key: document[key] for key in ("title", "price", "rating", "labels")}


def three_shown(*, hanging: bool = False) -> Document:
    """The page of three parts; when one hangs, with its fallback."""
    page = {name: shown(part(name)) for name in PARTS}
    return {**page, "c": FALLBACK} if hanging else page


def levels_shown(name: str) -> Document:
    """The page of a product and its brand."""
    maker = brand(product(name)["brand_id"])
    return {"product": shown(product(name)), "brand": {key: maker[key] for key in ("name", "since")}}


def list_shown() -> Document:
    """The page of a list, each item with what only its own document has."""
    return {"items": [{"id": name, **shown(part(name))} for name in LISTED]}
