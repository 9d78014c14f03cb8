"""Where the keys of a table stand in its text: `tomllib` does not tell."""

import re
from typing import Final

Loc = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

_HEADER: Final = re.compile(r"\s*(\[\[?)([^\[\]]+)\]\]?\s*(?:#.*)?")
_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_KEY: Final = re.compile(rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=")
_PARTS: Final = re.compile(_NAME)


class Lines:
    """The lines of headers and keys in a TOML text.

    Keys within inline tables, and lines within strings of several lines, are not looked at.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[Loc, int] = {}
        self._tables: dict[str, int] = {}
        """How many tables an array of tables has so far."""
        section: Loc = ()
        for number, line in enumerate(text.splitlines(), 1):
            if header := _HEADER.fullmatch(line):
                section = self._section(header[1], header[2])
                self._lines.setdefault(section, number)
            elif key := _KEY.match(line):
                parts = (part.strip("\"'") for part in _PARTS.findall(key[1]))
                self._lines.setdefault((*section, *parts), number)

    def of(self, loc: Loc) -> int | None:
        """The line of a value, or else of the innermost table that it is in."""
        for end in range(len(loc), 0, -1):
            if (line := self._lines.get(loc[:end])) is not None:
                return line
        return None

    def _section(self, brackets: str, name: str) -> Loc:
        first, *rest = (part.strip().strip("\"'") for part in name.split("."))
        if brackets == "[[" and not rest:
            self._tables[first] = self._tables.get(first, 0) + 1
        return (first, self._tables[first] - 1, *rest) if first in self._tables else (first, *rest)
