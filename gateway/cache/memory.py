"""Entries in this process, bounded by the bytes of all together: those unused for longest go first."""

from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Iterable, Iterator

from gateway.cache.entry import Entry

MOST_VARIANTS = 32
"""How many answers of one key there are, for requests that say different things; the oldest goes first."""

Said = tuple[tuple[bytes, bytes], ...]
Place = tuple[Hashable, Said]


class Index:
    """Which entries have a name in common."""

    def __init__(self) -> None:
        self._of: defaultdict[str, dict[Place, None]] = defaultdict(dict)

    def add(self, name: str, place: Place) -> None:
        """Note one."""
        self._of[name][place] = None

    def remove(self, name: str, place: Place) -> None:
        """Forget one."""
        places = self._of[name]
        places.pop(place, None)
        if not places:
            del self._of[name]

    def of(self, name: str) -> list[Place]:
        """All of this name."""
        return list(self._of.get(name, ()))


class Held:
    """An entry in memory, and when it was last compared with what other processes have."""

    __slots__ = ("checked", "entry")

    def __init__(self, entry: Entry, checked: float) -> None:
        self.entry = entry
        self.checked = checked


class Memory:
    """Entries by key and by what their requests said.

    Args:
        most: bytes of all entries together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[Place, Held] = OrderedDict()
        self._said: dict[Hashable, dict[Said, None]] = {}
        self._paths = Index()
        self._tags = Index()
        self.size = 0

    def __len__(self) -> int:
        return len(self._held)

    def variants(self, key: Hashable) -> Iterator[Held]:
        """What is kept under a key, the newest first."""
        for said in reversed(self._said.get(key, {})):
            yield self._held[key, said]

    def use(self, key: Hashable, entry: Entry) -> None:
        """It was used just now."""
        if (key, entry.vary) in self._held:
            self._held.move_to_end((key, entry.vary))

    def put(self, key: Hashable, entry: Entry, now: float) -> None:
        """Keep an entry in place of the one for the same requests; others go where there is no room."""
        self.remove(key, entry.vary)
        if entry.size > self._most:
            return
        said = self._said.setdefault(key, {})
        if len(said) >= MOST_VARIANTS:
            self.remove(key, next(iter(said)))
        said[entry.vary] = None
        place = key, entry.vary
        self._held[place] = Held(entry, now)
        self.size += entry.size
        self._paths.add(entry.path, place)
        for tag in entry.tags:
            self._tags.add(tag, place)
        while self.size > self._most:
            self.remove(*next(iter(self._held)))

    def remove(self, key: Hashable, said: Said) -> bool:
        """Keep this entry no longer; whether there was one."""
        held = self._held.pop((key, said), None)
        if held is None:
            return False
        others = self._said[key]
        del others[said]
        if not others:
            del self._said[key]
        self.size -= held.entry.size
        self._paths.remove(held.entry.path, (key, said))
        for tag in held.entry.tags:
            self._tags.remove(tag, (key, said))
        return True

    def remove_path(self, path: str) -> int:
        """Keep nothing of a path; how many entries there were."""
        return self._remove_all(self._paths.of(path))

    def remove_tag(self, tag: str) -> int:
        """Keep nothing with a tag; how many entries there were."""
        return self._remove_all(self._tags.of(tag))

    def clear(self) -> int:
        """Keep nothing; how many entries there were."""
        return self._remove_all(list(self._held))

    def _remove_all(self, places: Iterable[Place]) -> int:
        return sum([self.remove(*place) for place in places])
