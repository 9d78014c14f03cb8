"""Which coding a client likes best (RFC 9110, 12.5.3)."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

_ELEMENT: Final = re.compile(
    rb"\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*(?:;\s*[qQ]\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?"
)

ANY: Final = "*"
ITSELF: Final = "identity"
OLD_NAMES: Final = {"x-gzip": "gzip"}


@lru_cache(maxsize=256)
def coding_for(accept_encoding: bytes, codings: tuple[str, ...]) -> str | None:
    """The coding that the client likes best, of those that it likes alike the first; None for no coding.

    Without a word about it nothing is encoded, though it would be allowed: who says nothing decodes nothing.
    No coding at all is what is sent, too, when the client excludes every other and even that.
    """
    liked = dict(_liked(accept_encoding))
    best = max(codings, key=lambda coding: liked.get(coding, liked.get(ANY, 0.0)))  # the first of the best
    how_much = liked.get(best, liked.get(ANY, 0.0))
    return best if how_much > 0 and how_much >= liked.get(ITSELF, 0.0) else None


def _liked(accept_encoding: bytes) -> Iterator[tuple[str, float]]:
    """How much each coding is liked, from 0 to 1; what cannot be understood is not there."""
    for element in accept_encoding.split(b","):
        if match := _ELEMENT.fullmatch(element):
            name = match[1].decode("ascii").lower()
            yield OLD_NAMES.get(name, name), float(match[2] or 1)
