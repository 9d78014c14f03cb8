"""Baskets: what they are and how much they hold, without I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MOST_ARTICLES = 100
MOST_PIECES = 999


class Full(Exception):
    """The change would leave more different articles in a basket than it holds."""

    def __init__(self) -> None:
        super().__init__(f"A basket holds at most {MOST_ARTICLES} different articles.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Basket:
    """What one owner means to buy: pieces by sku.

    An empty basket has version 0; the versions of all others are larger, and none comes twice.
    """

    owner: str
    pieces: Mapping[str, int]
    version: int


def combine(lines: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Pieces by sku; of an article named more than once, the larger quantity."""
    pieces: dict[str, int] = {}
    for sku, quantity in lines:
        pieces[sku] = max(quantity, pieces.get(sku, 0))
    return pieces
