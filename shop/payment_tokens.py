"""Payment tokens: what stands for a card everywhere in the shop. A card's number is refused at every door."""

import re
from typing import Final

TOKEN: Final = re.compile(r"tok_[A-Za-z0-9_-]{1,64}")

CARD_NUMBER: Final = re.compile(r"[0-9](?:[ _-]?[0-9]){12}")
"""Thirteen digits in a row, the fewest that a card's number has, whatever separates them."""


def is_payment_token(text: str) -> bool:
    """Whether a text is a token, `tok_…`, with no card's number in it."""
    return TOKEN.fullmatch(text) is not None and CARD_NUMBER.search(text) is None
