"""Where stored responses are: in the memory of a process, and in a Valkey that all gateways share."""

import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from frontispiece.gateway.policies.cache.entry import ALL, Entry, Group, Key, VaryKey, vary_key
from frontispiece.stores.valkey import UNREADABLE, BestEffortValkey
from frontispiece.upstream import Headers

MAX_VARIANTS: Final = 32
"""Entries of one key, for requests that select different responses; the oldest is evicted first."""

EntryKey = tuple[Key, VaryKey]

PREFIX: Final = b"cache:1:"
"""The prefix of all keys; its number changes with the format of the entries."""

PURGE_TTL: Final = 86_400.0
"""Seconds for which a purge is remembered; an entry is stored for less."""

MAX_TTL: Final = PURGE_TTL - 60


class EncodedBodies:
    """The encoded forms of one stored body, in the memory of the cache.

    Args:
        allocate: whether so many bytes more may be stored here; they are counted then.
    """

    __slots__ = ("_allocate", "_bodies", "size")

    def __init__(self, allocate: "Callable[[EncodedBodies, int], bool]") -> None:
        self._allocate = allocate
        self._bodies: dict[str, bytes] = {}
        self.size = 0
        """Bytes of all forms."""

    def get(self, coding: str) -> bytes | None:
        """The body in this coding; empty when that would be no shorter, None when it is not known."""
        return self._bodies.get(coding)

    def put(self, coding: str, body: bytes) -> None:
        """Store the body in this coding, unless there is no room for it."""
        if coding not in self._bodies and self._allocate(self, len(body)):
            self._bodies[coding] = body
            self.size += len(body)


@dataclass(slots=True)
class MemoryEntry:
    """An entry in memory."""

    entry: Entry
    checked: float
    encoded: EncodedBodies

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return self.entry.size + self.encoded.size


class MemoryStore:
    """Entries by primary key and by variant.

    Args:
        max_bytes: of all entries together.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[EntryKey, MemoryEntry] = OrderedDict()
        self._variants: dict[Key, dict[VaryKey, None]] = {}
        self._groups: defaultdict[Group, dict[EntryKey, None]] = defaultdict(dict)
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def variants(self, key: Key) -> Iterator[MemoryEntry]:
        """The entries of a key, the newest first."""
        for variant in reversed(self._variants.get(key, {})):
            yield self._entries[key, variant]

    def touch(self, key: Key, entry: Entry) -> None:
        """Mark an entry as used just now."""
        if (key, entry.vary) in self._entries:
            self._entries.move_to_end((key, entry.vary))

    def encoded(self, key: Key, entry: Entry) -> EncodedBodies | None:
        """The encoded forms of an entry's body; None when the entry is not stored any more."""
        stored = self._entries.get((key, entry.vary))
        return stored.encoded if stored and stored.entry is entry else None

    def put(self, key: Key, entry: Entry, now: float) -> None:
        """Store an entry, in place of the one for the same requests."""
        replaced = self.remove(key, entry.vary)
        if entry.size > self._max_bytes:
            return
        variants = self._variants.setdefault(key, {})
        if len(variants) >= MAX_VARIANTS:
            self.remove(key, next(iter(variants)))
        variants[entry.vary] = None
        entry_key = key, entry.vary
        if replaced and replaced.entry.body == entry.body:
            encoded = replaced.encoded
        else:
            encoded = EncodedBodies(partial(self._allocate, entry_key))
        self._entries[entry_key] = stored = MemoryEntry(entry, now, encoded)
        self.size += stored.size
        for group in entry.groups:
            self._groups[group][entry_key] = None
        self._evict()

    def remove(self, key: Key, variant: VaryKey) -> MemoryEntry | None:
        """Remove an entry and return it, if it is there."""
        removed = self._entries.pop((key, variant), None)
        if removed is None:
            return None
        del self._variants[key][variant]
        if not self._variants[key]:
            del self._variants[key]
        self.size -= removed.size
        for group in removed.entry.groups:
            del self._groups[group][key, variant]
            if not self._groups[group]:
                del self._groups[group]
        return removed

    def remove_group(self, group: Group) -> int:
        """Remove the entries of a group; returns how many there were."""
        keys = list(self._groups.get(group, ()))
        for key in keys:
            self.remove(*key)
        return len(keys)

    def _allocate(self, key: EntryKey, encoded: EncodedBodies, size: int) -> bool:
        """Count bytes of an encoded form, unless its entry has gone or would be too big."""
        stored = self._entries.get(key)
        if stored is None or stored.encoded is not encoded or stored.size + size > self._max_bytes:
            return False
        self._entries.move_to_end(key)
        self.size += size
        self._evict()
        return True

    def _evict(self) -> None:
        while self.size > self._max_bytes:
            self.remove(*next(iter(self._entries)))


class _Record(msgspec.Struct, array_like=True):
    """The value of a key: an entry, or the names of the fields that its variants vary by."""

    vary: tuple[bytes, ...]
    entry: Entry | None


class ValkeyCacheStore:
    """Entries in a Valkey that may fail at any time, which is the same as an empty one."""

    def __init__(self, valkey: BestEffortValkey) -> None:
        self._valkey = valkey
        self._encode = msgspec.msgpack.Encoder().encode
        self._decoder = msgspec.msgpack.Decoder(_Record)

    async def find(self, key: Key, headers: Headers, local: Entry | None) -> tuple[Entry | None, bool]:
        """The remote entry for a request with these headers, and whether the local one is valid still."""
        location = self._location(key)
        groups = local.groups if local else [ALL, ("path", key.path)]
        content, *marks = await self._valkey.get_many([location, *map(_mark, groups)])
        purged = self._latest(marks)
        valid = local is None or local.requested > purged
        entry = await self._select(location, content, headers)
        if entry is None:
            return None, valid
        if others := [group for group in entry.groups if group not in groups]:
            purged = max(purged, self._latest(await self._valkey.get_many(list(map(_mark, others)))))
        return (entry if entry.requested > purged else None), valid

    def put(self, key: Key, entry: Entry, ttl: float) -> None:
        """Store an entry for `ttl` seconds, a day at most."""
        location = self._location(key)
        ttl = min(ttl, MAX_TTL)
        names = tuple(name for name, _ in entry.vary)
        if names:
            self._valkey.put(location, self._encode(_Record(names, None)), ttl)
            location = self._location((location, entry.vary))
        self._valkey.put(location, self._encode(_Record(names, entry)), ttl)

    def remove(self, key: Key, entry: Entry) -> None:
        """Remove an entry."""
        location = self._location(key)
        self._valkey.delete(self._location((location, entry.vary)) if entry.vary else location)

    def purge(self, group: Group) -> None:
        """Invalidate all entries of a group that were requested until now."""
        self._valkey.put(_mark(group), repr(self._valkey.now()).encode(), PURGE_TTL)

    async def _select(self, location: bytes, content: bytes | None, headers: Headers) -> Entry | None:
        """The entry in a record, or the variant that the request selects."""
        record = self._decode(content)
        if record is None or record.entry is not None:
            return record.entry if record else None
        variant = vary_key(headers, frozenset(record.vary))
        selected = self._decode(await self._valkey.get(self._location((location, variant))))
        return selected.entry if selected and selected.entry and selected.entry.vary == variant else None

    def _latest(self, marks: Iterable[bytes | None]) -> float:
        latest = float("-inf")
        for mark in marks:
            try:
                latest = max(latest, float(mark)) if mark is not None else latest
            except ValueError:
                self._valkey.warn("the time of a purge cannot be read")
        return latest

    def _decode(self, content: bytes | None) -> _Record | None:
        if content is None:
            return None
        try:
            return self._decoder.decode(content)
        except UNREADABLE as error:
            self._valkey.warn("a cached response cannot be read: %s", error)
            return None

    def _location(self, key: tuple[object, ...]) -> bytes:
        return PREFIX + b"entry:" + hashlib.sha256(self._encode(key)).digest()


def _mark(group: Group) -> bytes:
    """The key of a group's purge."""
    kind, name = group
    return PREFIX + kind.encode() + b":" + hashlib.sha256(name.encode()).digest()
