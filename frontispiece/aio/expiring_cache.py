"""A bounded cache whose entries expire, each at a time of its own."""

from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class ExpiringCache(Generic[Key, Value]):
    """Values by key, each until it expires; a hit is one lookup in a dict. When full, the oldest goes first.

    Args:
        max_entries: how many there may be.
        clock: the time in seconds by which entries expire.
    """

    def __init__(self, max_entries: int, clock: Callable[[], float]) -> None:
        self._max_entries = max_entries
        self._clock = clock
        self._entries: dict[Key, tuple[Value, float]] = {}

    def __len__(self) -> int:
        """The entries in memory, those included that have expired since the last `sweep`."""
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """The value; None when there is none, or it has expired."""
        entry = self._entries.get(key)
        return entry[0] if entry is not None and self._clock() < entry[1] else None

    def put(self, key: Key, value: Value, expires_at: float) -> None:
        """Cache a value until this moment."""
        entries = self._entries
        entries.pop(key, None)  # so that it is the newest
        if len(entries) >= self._max_entries:
            del entries[next(iter(entries))]
        entries[key] = value, expires_at

    def remove(self, key: Key) -> None:
        """Remove an entry, if there is one."""
        self._entries.pop(key, None)

    def remove_if(self, condition: Callable[[Value], bool]) -> None:
        """Remove the entries whose values meet a condition."""
        for key in [key for key, (value, _) in self._entries.items() if condition(value)]:
            del self._entries[key]

    def sweep(self) -> float | None:
        """Remove what has expired; the seconds until the next entry expires, None when there is none."""
        now = self._clock()
        for key in [key for key, (_, expires_at) in self._entries.items() if expires_at <= now]:
            del self._entries[key]
        return min((expires_at for _, expires_at in self._entries.values()), default=now) - now or None
