"""released.toml: the versions of each client, and which of them are in the field.

```toml
[[web]]
version = "1.0.0"
released = 2026-03-02
retired = 2027-01-15   # the day from which it is in the field no more

[[web]]
version = "1.1.0"      # without `released` it is in development: verified as the others, free to change
```
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Self

from frontispiece.errors import ConfigError, nearest

RELEASED: Final = "released.toml"
"""The file of the versions in the field, in the folder of the contracts."""

KEYS: Final = frozenset({"version", "released", "retired"})
VERSION: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
CLIENT: Final = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class ClientVersion:
    """A version of a client.

    Args:
        released: the day of its release; None while it is in development.
        retired: the day from which it is in the field no more; None while there is none.
    """

    client: str
    version: str
    released: date | None = None
    retired: date | None = None

    def __str__(self) -> str:
        return f"{self.client} {self.version}"

    def is_retired(self, today: date) -> bool:
        """Whether it has left the field."""
        return self.retired is not None and self.retired <= today

    def state(self, today: date) -> str:
        """Where it is, in words."""
        if self.is_retired(today):
            return f"retired {self.retired}"
        return f"released {self.released}" if self.released else "in development"


@dataclass(frozen=True)
class Released:
    """The list of all versions, in the order of the file."""

    versions: tuple[ClientVersion, ...]

    @classmethod
    def parse(cls, content: bytes, place: str) -> Self:
        """The list of a file.

        Raises:
            ConfigError: with every error of the file; `place` names it.
        """
        try:
            document = tomllib.loads(content.decode())
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise ConfigError([f"{place} cannot be read: {error}"]) from None
        if errors := [f"{place}: {error}" for error in _errors(document)]:
            raise ConfigError(errors)
        return cls(
            tuple(ClientVersion(client=client, **entry) for client in document for entry in document[client])
        )

    def find(self, client: str, version: str) -> ClientVersion | None:
        """The entry of a version; None without one."""
        return next(
            (each for each in self.versions if (each.client, each.version) == (client, version)), None
        )

    def in_field(self, today: date) -> list[ClientVersion]:
        """The versions that providers must serve: all that are not retired, also those in development."""
        return [each for each in self.versions if not each.is_retired(today)]


def _errors(document: dict[str, Any]) -> Iterator[str]:
    for client, entries in document.items():
        if not CLIENT.fullmatch(client):
            yield f"{client!r} is no client's name: lower case letters, digits, - and _"
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            yield f"{client}: its versions are tables, [[{client}]]"
            continue
        for entry in entries:
            yield from (f"{client}: {error}" for error in _entry_errors(entry))
        versions = [version for entry in entries if isinstance(version := entry.get("version"), str)]
        yield from (f"{client}: {each} has two entries" for each in {*versions} if versions.count(each) > 1)


def _entry_errors(entry: dict[str, Any]) -> Iterator[str]:
    version = entry.get("version")
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        yield f'version is like "1.2.0", and not {version!r}'
    yield from (f"{version}: unknown key {key}{nearest(key, KEYS)}" for key in entry.keys() - KEYS)
    released, retired = entry.get("released"), entry.get("retired")
    dates = {"released": released, "retired": retired}
    wrong = [name for name, day in dates.items() if day is not None and not _is_date(day)]
    yield from (f"{version}: {name} is a date like 2026-03-02" for name in wrong)
    if retired is not None and not wrong:
        if released is None:
            yield f"{version}: it is retired without having been released"
        elif retired < released:
            yield f"{version}: it is retired before it was released"


def _is_date(value: Any) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)
