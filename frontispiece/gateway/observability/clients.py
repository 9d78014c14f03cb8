"""Which clients call, in which versions: few labels for all that they may send."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from frontispiece.http.client_version import ClientVersion, Version

MAX_VERSIONS: Final = 32
"""Versions of a known client that a process has labels for; no other client takes any of them."""

MAX_OTHERS: Final = 8
"""Other clients that it has a label for, one for all of their versions."""

MAX_LENGTH: Final = 64
"""Bytes of a value of `X-Client`; a longer one is not looked at."""

MAX_MEMOIZED: Final = 512
"""Values of `X-Client` that are remembered, those that came last."""

UNKNOWN: Final = "unknown"
"""The label of what is no client and version."""

OTHER: Final = "other"
"""The label of those beyond the limits."""


class ClientLabel(NamedTuple):
    """A client and its version as metrics count them."""

    client: str
    version: str


@dataclass(frozen=True, slots=True)
class Client:
    """The client that sent a call.

    It names itself; where its `X-Client` is not what it should be, it is `unknown` and has no version.
    """

    name: str
    version: Version | None
    label: ClientLabel

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}/{self.version}"


NO_CLIENT: Final = Client(UNKNOWN, None, ClientLabel(UNKNOWN, UNKNOWN))
"""Of calls whose `X-Client` is not what it should be."""


class Clients:
    """Identifies clients by their `X-Client`; each value that came lately is parsed once."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._names = frozenset(known)
        self._labels: set[ClientLabel] = set()
        self._count: Counter[str] = Counter()
        """The labels of each known client, and of all others together."""
        self._parsed = lru_cache(MAX_MEMOIZED)(self._parse)

    def identify(self, field: bytes) -> Client:
        """The client with this `X-Client`."""
        return self._parsed(field) if len(field) <= MAX_LENGTH else NO_CLIENT

    def _parse(self, field: bytes) -> Client:
        try:
            found = ClientVersion.parse(field)
        except ValueError:
            return NO_CLIENT
        if found.name in {UNKNOWN, OTHER}:
            return NO_CLIENT
        return Client(found.name, found.version, self._label(found.name, str(found.version)))

    def _label(self, name: str, version: str) -> ClientLabel:
        """A label of its own while there is room, and one with others then."""
        known = name in self._names
        label = ClientLabel(name, version if known else OTHER)
        group, limit = (name, MAX_VERSIONS) if known else (OTHER, MAX_OTHERS)
        if label not in self._labels:
            if self._count[group] >= limit:
                return ClientLabel(group, OTHER)
            self._labels.add(label)
            self._count[group] += 1
        return label
