"""What every drawing is made with: SVG elements, colours, and choices that a sku fixes for good."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeVar

Choice = TypeVar("Choice")

SIZE = 400
"""Width and height of the drawing board, in its own units."""

FINE = 2
"""The detail from which on thin lines are worth drawing."""

_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

GROUND = 322
"""Where things stand."""


def el(name: str, *children: str, **attributes: float | str) -> str:
    """An SVG element; `stroke_width=2` becomes `stroke-width="2"`, numbers lose what no eye sees."""
    written = "".join(f' {key.replace("_", "-")}="{_value(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>{''.join(children)}</{name}>" if children else f"<{name}{written}/>"


def text(name: str, words: str, **attributes: float | str) -> str:
    """An element that holds somebody's words: escaped, and without characters that XML has not."""
    return el(name, escape(_NO_XML.sub("", words)), **attributes)


def group(*children: str, **attributes: float | str) -> str:
    """Elements that move, turn or fade together."""
    return el("g", *children, **attributes)


def line(d: str, color: str, width: float, **attributes: float | str) -> str:
    """A stroke along a path, with round ends."""
    ends: dict[str, float | str] = {"stroke_linecap": "round", "stroke_linejoin": "round"}
    return el("path", d=d, fill="none", stroke=color, stroke_width=width, **ends | attributes)


def _value(value: float | str) -> str:
    return escape(value) if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def mix(color: str, other: str, share: float) -> str:
    """The color (`#rrggbb`) with a share of another in it."""
    parts = ((int(color[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)


def dark(color: str, share: float = 0.25) -> str:
    """The color in shadow."""
    return mix(color, "#15131a", share)


def light(color: str, share: float = 0.35) -> str:
    """The color in light."""
    return mix(color, "#fffdf6", share)


@dataclass(frozen=True, slots=True)
class Palette:
    """Colors that go together."""

    paper: str
    wash: str
    ink: str
    main: str
    accent: str
    metal: str


PALETTES = (
    Palette("#f4efe4", "#d5dcc3", "#2f3a33", "#5f7f65", "#d9824b", "#c9a860"),
    Palette("#f6ede2", "#ecc9b0", "#3b2b28", "#b9573c", "#2f6f73", "#b08d57"),
    Palette("#eef0f3", "#c3cfe5", "#1f2a44", "#33508f", "#e2a33d", "#b9bcc4"),
    Palette("#f5eef0", "#e0c4d1", "#35213a", "#7a3b69", "#c8963e", "#c0a27c"),
    Palette("#f7f1df", "#f0d68f", "#38301d", "#cf951c", "#30596b", "#8f8b80"),
    Palette("#ecf2f0", "#b4d4ce", "#14363c", "#1f6f78", "#e07a5f", "#bfae8e"),
    Palette("#efedea", "#d3cdc4", "#26262a", "#4a4d58", "#c4473a", "#a9a39a"),
    Palette("#f8eeea", "#f0c8bd", "#432a2b", "#c8646b", "#4b6858", "#cfae70"),
    Palette("#f1f1e2", "#d0d49e", "#2c3218", "#74802f", "#8c3f4d", "#b39b62"),
    Palette("#eef4f6", "#bddbe6", "#203845", "#4690ad", "#d96c4a", "#b7b7b0"),
)

NAMED_COLORS = {
    "amber": "#cf8a1f",
    "apricot": "#e0995e",
    "black": "#2b2b30",
    "blue": "#2f5fa5",
    "bone": "#e3d8c3",
    "brass": "#b8923f",
    "brown": "#6d4a35",
    "burgundy": "#6d2136",
    "chalk": "#ebe7de",
    "charcoal": "#3d3f46",
    "cherry": "#9c2335",
    "clay": "#b06a4c",
    "cobalt": "#1f4aa0",
    "copper": "#b46a43",
    "cream": "#eadfc4",
    "crimson": "#a8243a",
    "emerald": "#1f7a55",
    "forest": "#2c5a3c",
    "gold": "#c79f3d",
    "graphite": "#4b4e55",
    "green": "#3f7d4e",
    "grey": "#7d7f85",
    "indigo": "#2e3a7c",
    "ivory": "#e9e1cd",
    "lapis": "#26479c",
    "madder": "#a63a3f",
    "moss": "#6b7739",
    "mustard": "#c9992e",
    "navy": "#1f2f55",
    "oat": "#d8c7a4",
    "ochre": "#c28a2b",
    "olive": "#75753a",
    "orange": "#d9772f",
    "oxblood": "#6b2226",
    "penny": "#b46a43",
    "petrol": "#1c5f6b",
    "pewter": "#878b8f",
    "pink": "#d98a9b",
    "plum": "#6b3560",
    "purple": "#6a4693",
    "quince": "#d2b13c",
    "red": "#b8332f",
    "rose": "#c9707c",
    "rust": "#a8502b",
    "sage": "#8aa084",
    "sand": "#d9c49a",
    "scarlet": "#c2331f",
    "sepia": "#6b4a2d",
    "silver": "#aeb2b8",
    "slate": "#55616e",
    "smoke": "#6f7178",
    "soot": "#2a2829",
    "teal": "#22797b",
    "tobacco": "#7a5230",
    "turquoise": "#2f9c9a",
    "verdigris": "#4f9a8a",
    "violet": "#62458f",
    "walnut": "#5d432f",
    "white": "#ece8df",
    "yellow": "#dbb02f",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture to be: what is chosen by its sku, the colors, and how much detail fits its size.

    `color` is what the product says of its own color, in words, or nothing.
    `detail` goes from 0 (a thumbnail: shapes only) to 3 (every thread and bristle).
    """

    sku: str
    name: str
    color: str
    detail: int

    def between(self, what: str, low: float, high: float) -> float:
        """A number that this sku fixes for `what`."""
        digest = hashlib.sha256(f"{self.sku}/{what}".encode()).digest()
        return low + (high - low) * int.from_bytes(digest[:6]) / 256**6

    def pick(self, what: str, options: Sequence[Choice]) -> Choice:
        """One of the options, which this sku fixes for `what`."""
        return options[int(self.between(what, 0, len(options)))]

    @property
    def fine(self) -> bool:
        """Whether there is room for thin lines."""
        return self.detail >= FINE

    @property
    def finest(self) -> bool:
        """Whether there is room for all there is."""
        return self.detail > FINE

    @property
    def palette(self) -> Palette:
        """The sku's colors."""
        return self.pick("palette", PALETTES)

    @property
    def main(self) -> str:
        """The color of the thing: the one that it is said to have, else the palette's."""
        said = (NAMED_COLORS.get(word) for word in re.findall("[a-z]+", f"{self.color} {self.name}".lower()))
        return next(filter(None, said), self.palette.main)


def solid(name: str, fill: str, sheen: str = "round", /, **attributes: float | str) -> str:
    """A shape with light on its left and shadow on its right: `sheen` is one of `GRADIENTS`."""
    return el(name, fill=fill, **attributes) + el(name, fill=f"url(#{sheen})", **attributes)


def shadow(name: str, *, dx: float = 5, dy: float = 9, **attributes: float | str) -> str:
    """The soft shadow of a shape that lies on a table."""
    shape = el(name, **attributes)
    return group(
        shape, transform=f"translate({dx} {dy})", fill="#15131a", opacity="0.22", filter="url(#soft)"
    )


def standing_shadow(x: float, width: float) -> str:
    """The soft shadow under a thing that stands on the ground."""
    return el(
        "ellipse", cx=x, cy=GROUND, rx=width / 2, ry=9, fill="#15131a", opacity="0.28", filter="url(#soft)"
    )


def _stops(*stops: tuple[str, str, str]) -> list[str]:
    return [el("stop", offset=at, stop_color=color, stop_opacity=opacity) for at, color, opacity in stops]


_ROUND = _stops(
    ("0", "#000", "0.22"),
    ("0.22", "#fff", "0.3"),
    ("0.45", "#fff", "0"),
    ("0.7", "#000", "0.04"),
    ("1", "#000", "0.36"),
)
_FLAT = _stops(("0", "#fff", "0.2"), ("0.5", "#fff", "0"), ("1", "#000", "0.16"))
_GLOW = _stops(("0", "#fff3c4", "0.85"), ("1", "#fff3c4", "0"))

GRADIENTS = el(
    "defs",
    el("linearGradient", *_ROUND, id="round"),
    el("linearGradient", *_ROUND, id="across", x2=0, y2=1),
    el("linearGradient", *_FLAT, id="flat", x2=1, y2=1),
    el("linearGradient", *_GLOW, id="glow", x2=0, y2=1),
    el(
        "filter",
        el("feGaussianBlur", stdDeviation=6),
        id="soft",
        x="-20%",
        y="-20%",
        width="140%",
        height="140%",
    ),
)
"""`round`: a cylinder lit from the left; `across`: from above; `flat`: a plane; `glow`: lamp light."""
