"""Product pictures: drawn by this service from sku, type, name and colour, the same at every call."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from kit.demo import KINDS
from services.catalog.art import abstract, backdrop, binding, brush, ink, lamp, notebook, paper, pen, press
from services.catalog.art.scene import GRADIENTS, SIZE, Scene, el, text
from services.catalog.model import Product

WIDTHS = (160, 320, 640, 1280)
"""Widths of a picture's variants in pixels; pictures are square. A wider one shows more."""

VIEWS = ("", ", seen closely")
"""What the first and the second picture of a product add to its name."""

_FILE = re.compile(r"([1-9])-([1-9][0-9]{2,3})\.svg")


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One size of a picture, in pixels, and where it is."""

    url: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """A picture of a product, in words and in all its sizes."""

    alt: str
    variants: tuple[Variant, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A picture as an SVG document, and a number that changes with it."""

    svg: bytes
    fingerprint: int


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of article is drawn, what its close view looks at, and whether it stands."""

    draw: Callable[[Scene], str]
    focus: tuple[float, float]
    stands: bool = False


# By the id of the type, which is the kind's name as a slug.
_KINDS = {
    KINDS["NOTE"].lower(): _Kind(notebook.draw, notebook.FOCUS),
    KINDS["PENS"].lower(): _Kind(pen.draw, pen.FOCUS),
    KINDS["INKS"].lower(): _Kind(ink.draw, ink.FOCUS, stands=True),
    KINDS["PAPR"].lower(): _Kind(paper.draw, paper.FOCUS),
    KINDS["BRSH"].lower(): _Kind(brush.draw, brush.FOCUS),
    KINDS["PRSS"].lower(): _Kind(press.draw, press.FOCUS, stands=True),
    KINDS["BIND"].lower(): _Kind(binding.draw, binding.FOCUS, stands=True),
    KINDS["LAMP"].lower(): _Kind(lamp.draw, lamp.FOCUS, stands=True),
}
_OTHER = _Kind(abstract.draw, abstract.FOCUS)


def images(product: Product) -> tuple[Image, ...]:
    """The pictures that there are of a product."""
    return tuple(
        Image(
            alt=f"{product.name}{view}",
            variants=tuple(
                Variant(url=f"/pictures/{product.sku}/{number}-{width}.svg", width=width, height=width)
                for width in WIDTHS
            ),
        )
        for number, view in enumerate(VIEWS, 1)
    )


def draw(product: Product, file: str) -> Drawn | None:
    """The picture in a file such as `1-320.svg`; None when the product lists no such file."""
    asked = _FILE.fullmatch(file)
    number, width = (int(part) for part in asked.groups()) if asked else (0, 0)
    if width not in WIDTHS or not 1 <= number <= len(VIEWS):
        return None
    scene = Scene(product.sku, product.name, str(product.attributes.get("colour", "")), WIDTHS.index(width))
    kind = _KINDS.get(product.type.id, _OTHER)
    thing = kind.draw(scene)
    if number == 1:
        view = backdrop.whole(scene, thing, stands=kind.stands)
    else:
        view = backdrop.close(scene, thing, kind.focus, stands=kind.stands)
    svg = el(
        "svg",
        text("title", product.name + VIEWS[number - 1]),
        GRADIENTS,
        view,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {SIZE} {SIZE}",
        width=width,
        height=width,
        role="img",
    ).encode()
    return Drawn(svg=svg, fingerprint=int.from_bytes(hashlib.sha256(svg).digest()[:8]))
