"""Which shard has which bucket, by a map that changes as a whole."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from hashlib import blake2b
from itertools import pairwise
from operator import or_
from typing import Final, Self

import msgspec

from frontispiece.shards.ids import BUCKET_BITS

BUCKETS: Final = 1 << BUCKET_BITS
"""Virtual buckets: a key stays in its bucket for ever, a bucket moves between shards."""

FIRST_EPOCH: Final = 1

_RANGE: Final = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


def bucket_for(key: str) -> int:
    """The bucket of a key, such as a customer's id: the same in all processes and versions."""
    digest = blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % BUCKETS


class _Document(msgspec.Struct):
    epoch: int
    shards: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardMap:
    """The shard of each bucket.

    Args:
        epoch: raised by each change.
        shards: a name for each bucket.
    """

    epoch: int
    shards: tuple[str, ...]

    @classmethod
    def even(cls, names: Collection[str]) -> Self:
        """The first map: each shard gets as many buckets as the others, one after another."""
        names = tuple(names)
        shards = (names[bucket * len(names) // BUCKETS] for bucket in range(BUCKETS))
        return cls(epoch=FIRST_EPOCH, shards=tuple(shards))

    def shard_of(self, bucket: int) -> str:
        """The shard that has a bucket."""
        return self.shards[bucket]

    def buckets_of(self, shard: str) -> frozenset[int]:
        """The buckets that a shard has."""
        return frozenset(bucket for bucket, name in enumerate(self.shards) if name == shard)

    def with_moved(self, buckets: Collection[int], shard: str, epoch: int) -> Self:
        """The map once a shard has these buckets."""
        shards = (shard if bucket in buckets else name for bucket, name in enumerate(self.shards))
        return replace(self, epoch=epoch, shards=tuple(shards))

    def encode(self) -> bytes:
        """The map as JSON: `{"epoch": 3, "shards": {"0": "0-511", "1": "512-1023"}}`."""
        shards = {name: format_buckets(self.buckets_of(name)) for name in sorted(set(self.shards))}
        return msgspec.json.encode(_Document(epoch=self.epoch, shards=shards))

    @classmethod
    def decode(cls, document: bytes) -> Self:
        """The map in what `encode` has made.

        Raises:
            ValueError: it is none.
        """
        decoded = msgspec.json.decode(document, type=_Document)
        return cls(epoch=decoded.epoch, shards=_flat(decoded.shards))


def _flat(shards: Mapping[str, str]) -> tuple[str, ...]:
    by_bucket = {bucket: name for name, ranges in shards.items() for bucket in parse_buckets(ranges)}
    if len(by_bucket) != BUCKETS:
        raise ValueError(f"a map of {len(by_bucket)} buckets, not of {BUCKETS}")
    return tuple(by_bucket[bucket] for bucket in range(BUCKETS))


def parse_buckets(text: str) -> frozenset[int]:
    """The buckets in a text such as `0-199,512`.

    Raises:
        ValueError: it names none, or others than there are.
    """
    return reduce(or_, map(_parse_range, text.split(",")))


def _parse_range(text: str) -> frozenset[int]:
    match = _RANGE.fullmatch(text.strip())
    first = int(match[1]) if match else BUCKETS
    last = int(match[2] or first) if match else BUCKETS
    if not first <= last < BUCKETS:
        raise ValueError(f"{text!r} is neither a bucket, from 0 to {BUCKETS - 1}, nor a range such as 0-199")
    return frozenset(range(first, last + 1))


def format_buckets(buckets: Iterable[int]) -> str:
    """Buckets as `parse_buckets` reads them."""
    ordered = sorted(buckets)
    firsts = [*ordered[:1], *(after for before, after in pairwise(ordered) if after != before + 1)]
    lasts = [*(before for before, after in pairwise(ordered) if after != before + 1), *ordered[-1:]]
    return ",".join(
        str(first) if first == last else f"{first}-{last}" for first, last in zip(firsts, lasts, strict=True)
    )
