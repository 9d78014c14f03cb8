"""Entries in Valkey, shared by all gateways, and the purges of all gateways.

A purge does not search for entries: it stores a mark with its time, and an entry that was requested before is
no longer valid. So it reaches every gateway, without a list of all entries. Differing clocks of machines
lengthen the time in which a purge can miss an entry by their difference.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

from frontispiece.gateway.policies.cache.entry import ALL, Entry, Group
from frontispiece.gateway.policies.cache.key import Key, vary_key
from frontispiece.stores.valkey import UNREADABLE, BestEffortValkey
from frontispiece.upstream import Headers

PREFIX: Final = b"cache:1:"
"""The prefix of all keys; its number changes with the format of the entries."""

PURGE_TTL: Final = 86_400.0
"""Seconds for which a purge is remembered; an entry is stored for less."""

MAX_TTL: Final = PURGE_TTL - 60


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
