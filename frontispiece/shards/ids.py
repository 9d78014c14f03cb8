"""Ids that carry their time and their bucket.

The layout is that of Twitter's Snowflake (2010) with a bucket in the place of its machine, as Instagram has
it ("Sharding & IDs at Instagram", 2012): from the highest bit, 41 bits of milliseconds, 10 of the bucket, 12
of a sequence. They last until 2093. JSON has them as strings: they pass 2^53, the last of JavaScript's whole
numbers.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""When the milliseconds begin."""

BUCKET_BITS: Final = 10
SEQUENCE_BITS: Final = 12
TIME_SHIFT: Final = BUCKET_BITS + SEQUENCE_BITS

MAX_SEQUENCE: Final = (1 << SEQUENCE_BITS) - 1
MAX_START: Final = MAX_SEQUENCE // 2
"""The highest number with which a millisecond begins: as many ids are left in it at least."""

MAX_ID: Final = (1 << 63) - 1
MILLISECOND: Final = timedelta(milliseconds=1)


class IdGenerator:
    """New ids, never twice and never backwards within a process.

    Each millisecond's sequence begins at random, so that two processes seldom make the same id: what stores
    them under a primary key refuses the second one, which is made anew.

    Args:
        now: the current time.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._milliseconds = -1
        self._sequence = MAX_SEQUENCE

    def new(self, bucket: int) -> str:
        """A new id in a bucket, in decimal digits."""
        milliseconds = max((self._now() - EPOCH) // MILLISECOND, self._milliseconds)
        if milliseconds == self._milliseconds and self._sequence < MAX_SEQUENCE:
            self._sequence += 1
        else:
            self._milliseconds = max(milliseconds, self._milliseconds + 1)
            self._sequence = random.randint(0, MAX_START)  # noqa: S311 (no secret)
        return str(self._milliseconds << TIME_SHIFT | bucket << SEQUENCE_BITS | self._sequence)


def bucket_of(id_: str | int) -> int:
    """The bucket in an id.

    Raises:
        ValueError: it is no such id.
    """
    return _number(id_) >> SEQUENCE_BITS & (1 << BUCKET_BITS) - 1


def time_of(id_: str | int) -> datetime:
    """When an id was made, to the millisecond.

    Raises:
        ValueError: it is no such id.
    """
    return EPOCH + (_number(id_) >> TIME_SHIFT) * MILLISECOND


def ids_at(moment: datetime, bucket: int = 0) -> range:
    """All ids of a bucket in a millisecond, for those that are to be found by their time, or made from it."""
    first = (moment - EPOCH) // MILLISECOND << TIME_SHIFT | bucket << SEQUENCE_BITS
    return range(first, first + MAX_SEQUENCE + 1)


def _number(id_: str | int) -> int:
    number = int(id_)
    if not 0 <= number <= MAX_ID or (isinstance(id_, str) and str(number) != id_):
        raise ValueError(f"{id_} is no id")
    return number
