"""The second level: entries in Valkey, where all gateways of a shop find them, and what they have purged.

What is purged is not looked for there: a mark says when it was, and an entry that was asked for earlier is
no longer believed. So it is purged everywhere, and without a list of all that is kept. Clocks that differ
between machines lengthen the moment in which a purge can miss an answer by their difference.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.cache.entry import Entry
from gateway.cache.vary import said_in
from gateway.page.shared_cache import UNREADABLE, SharedStore
from gateway.upstream import Headers

PREFIX: Final = b"cache:1:"
"""Of all keys; the number changes with the form of the entries."""

MARK_LASTS: Final = 86_400.0
"""Seconds for which a purge is remembered; an entry is kept for less."""

LONGEST: Final = MARK_LASTS - 60

EVERYTHING: Final = b"all"


class _Record(msgspec.Struct, array_like=True):
    """What lies under a key: the entry, or by which fields of requests there are several."""

    vary: tuple[bytes, ...]
    entry: Entry | None


class Second:
    """Entries in a store.

    Args:
        store: a Valkey; nothing of this ever fails.
    """

    def __init__(self, store: SharedStore) -> None:
        self._store = store
        self._encode = msgspec.msgpack.Encoder().encode
        self._records = msgspec.msgpack.Decoder(_Record)

    async def find(
        self, key: tuple[object, ...], path: str, headers: Headers, known: Entry | None
    ) -> tuple[Entry | None, bool]:
        """The entry that others have for such a request, and whether the known one is still believed."""
        place = self._place(key)
        tags = known.tags if known else ()
        content, *marks = await self._store.get_many([place, *_marks(path, tags)])
        purged = self._latest(marks)
        believed = known is None or known.requested > purged
        entry = await self._chosen(place, content, headers)
        if entry is None:
            return None, believed
        if further := [tag for tag in entry.tags if tag not in tags]:
            purged = max(purged, self._latest(await self._store.get_many([_tag(tag) for tag in further])))
        return (entry if entry.requested > purged else None), believed

    async def _chosen(self, place: bytes, content: bytes | None, headers: Headers) -> Entry | None:
        record = self._read(content)
        if record is None or record.entry is not None:
            return record.entry if record else None
        said = said_in(headers, frozenset(record.vary))
        there = self._read(await self._store.get(self._place((place, said))))
        return there.entry if there and there.entry and there.entry.vary == said else None

    def put(self, key: tuple[object, ...], entry: Entry, seconds: float) -> None:
        """Keep an entry for so long, a day at most."""
        place = self._place(key)
        seconds = min(seconds, LONGEST)
        names = tuple(name for name, _ in entry.vary)
        if names:
            self._store.put(place, self._encode(_Record(names, None)), seconds)
            place = self._place((place, entry.vary))
        self._store.put(place, self._encode(_Record(names, entry)), seconds)

    def remove(self, key: tuple[object, ...], entry: Entry) -> None:
        """Keep an entry no longer."""
        place = self._place(key)
        self._store.delete(self._place((place, entry.vary)) if entry.vary else place)

    def mark_path(self, path: str) -> None:
        """Nothing of this path that was asked for until now is believed any more."""
        self._mark(_path(path))

    def mark_tag(self, tag: str) -> None:
        """Nothing with this tag that was asked for until now is believed any more."""
        self._mark(_tag(tag))

    def mark_all(self) -> None:
        """Nothing that was asked for until now is believed any more."""
        self._mark(PREFIX + EVERYTHING)

    def _mark(self, name: bytes) -> None:
        self._store.put(name, repr(self._store.now()).encode(), MARK_LASTS)

    def _latest(self, marks: Iterable[bytes | None]) -> float:
        latest = float("-inf")
        for mark in marks:
            try:
                latest = max(latest, float(mark)) if mark is not None else latest
            except ValueError:
                self._store.warn("a mark of the cache cannot be read")
        return latest

    def _read(self, content: bytes | None) -> _Record | None:
        if content is None:
            return None
        try:
            return self._records.decode(content)
        except UNREADABLE as fault:
            self._store.warn("an answer in it cannot be read: %s", fault)
            return None

    def _place(self, key: tuple[object, ...]) -> bytes:
        return PREFIX + b"entry:" + hashlib.sha256(self._encode(key)).digest()


def _marks(path: str, tags: Iterable[str]) -> list[bytes]:
    return [PREFIX + EVERYTHING, _path(path), *map(_tag, tags)]


def _path(path: str) -> bytes:
    return PREFIX + b"path:" + hashlib.sha256(path.encode()).digest()


def _tag(tag: str) -> bytes:
    return PREFIX + b"tag:" + hashlib.sha256(tag.encode()).digest()
