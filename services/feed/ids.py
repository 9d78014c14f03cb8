"""Ids of news: they follow from the time of the fact, so that a rebuild makes the same ids."""

from collections.abc import Collection
from datetime import datetime
from zlib import crc32

from frontispiece.shards import bucket_for, ids_at


def first_id(moment: datetime) -> int:
    """The smallest id of a millisecond."""
    return ids_at(moment).start


def ids_of(moment: datetime, brand: str) -> range:
    """The ids that news of a brand in a millisecond may have."""
    return ids_at(moment, bucket_for(brand))


def free_id(ids: range, fact_id: str, taken: Collection[int]) -> int | None:
    """An id for the news of a fact; None when all of its millisecond are taken."""
    start = crc32(fact_id.encode())
    every = (ids[(start + step) % len(ids)] for step in range(len(ids)))
    return next((each for each in every if each not in taken), None)
