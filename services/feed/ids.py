"""Ids of news: of the moment of a fact, so that they are the same when they are made of it once more."""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from zlib import crc32

from frontispiece.shards import MAX_ID, MAX_SEQUENCE, SEQUENCE_BITS, TIME_SHIFT, bucket_for
from frontispiece.shards.ids import EPOCH, MILLISECOND

NEWEST: Final = MAX_ID
"""No id is larger."""


def first_id(moment: datetime) -> int:
    """The smallest id of a millisecond."""
    return (moment - EPOCH) // MILLISECOND << TIME_SHIFT


def ids_of(moment: datetime, brand: str) -> tuple[int, int]:
    """The smallest and the largest id of a brand's bucket in a millisecond."""
    first = first_id(moment) | bucket_for(brand) << SEQUENCE_BITS
    return first, first | MAX_SEQUENCE


def free_id(moment: datetime, brand: str, fact_id: str, taken: Collection[int]) -> int | None:
    """The id of news: one that is not taken, None when all of that millisecond are."""
    first, _ = ids_of(moment, brand)
    start = crc32(fact_id.encode()) & MAX_SEQUENCE
    ids = (first | (start + step) & MAX_SEQUENCE for step in range(MAX_SEQUENCE + 1))
    return next((each for each in ids if each not in taken), None)
