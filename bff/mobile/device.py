"""Which file of an image suits the client's display."""

import math
import re
from dataclasses import dataclass, replace
from typing import Annotated, Self

from msgspec import Meta

from bff.clients.catalog import Product
from frontispiece.pages import Header

Ratio = Annotated[float, Meta(ge=0.5, le=5)]

CARD_WIDTH = 160
"""The width of a product's image on a card, in CSS pixels."""

PRODUCT_WIDTH = 360
"""Its width on the product's own screen, in CSS pixels."""

_HINT = re.compile(r"[1-9][0-9]{0,4}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A client's display.

    Args:
        ratio: its physical pixels for one CSS pixel.
        hint: the physical pixels that the screen's main images are to be wide; None when it does not say.
    """

    ratio: float
    hint: int | None

    def image(self, product: Product, css_width: int) -> str | None:
        """The path of the first image, if any: in the narrowest size that is wide enough, else the widest."""
        variants = sorted(product.images[0].variants, key=lambda v: v.width) if product.images else []
        needed = self.hint or math.ceil(round(css_width * self.ratio, 3))
        enough = (variant for variant in variants if variant.width >= needed)
        chosen = next(enough, variants[-1] if variants else None)
        return chosen.url if chosen else None

    def beside(self) -> Self:
        """The same device for images beside the main ones, to which the hint does not apply."""
        return replace(self, hint=None)


async def device(width: Header[str | None] = None, dpr: Ratio = 2.0) -> Device:
    """The client's display, by `dpr` and by the client hint `Width`, which counts more."""
    hint = _HINT.fullmatch((width or "").strip())
    return Device(ratio=dpr, hint=int(hint[0]) if hint else None)
