"""Stored responses in the memory of a process: the least recently used are evicted first."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from frontispiece.gateway.policies.cache.entry import Entry, Group
from frontispiece.gateway.policies.cache.key import Key, VaryKey
from frontispiece.gateway.policies.cache.replies import EncodedBodies

MAX_VARIANTS: Final = 32
"""Entries of one key, for requests that select different responses; the oldest is evicted first."""

EntryKey = tuple[Key, VaryKey]


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
