"""TOML files: how they are read, and where keys stand in a text, which `tomllib` does not tell."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from frontispiece.errors import ConfigError

Loc = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_NAMES = rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*"
_HEADER: Final = re.compile(rf"\s*(\[\[?){_NAMES}\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(rf"{_NAMES}=")
_PARTS: Final = re.compile(_NAME)
_TEXT: Final = re.compile(
    r'''"""(?:\\.|[^\\])*?"""|\'{3}.*?\'{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*''', re.DOTALL
)
"""A string or a comment."""


class Lines:
    """The lines of headers and keys in a TOML text.

    Keys within inline tables are not looked at.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[Loc, int] = {}
        self._tables: dict[str, int] = {}
        """How many tables an array of tables has so far."""
        section: Loc = ()
        for number, line in enumerate(_TEXT.sub(_lines_alone, text).split("\n"), 1):
            if header := _HEADER.fullmatch(line):
                section = self._section(header[1], header[2], number)
                self._lines.setdefault(section, number)
            elif key := _KEY.match(line):
                self._lines.setdefault((*section, *_parts(key[1])), number)

    def of(self, loc: Loc) -> int | None:
        """The line of a value, or else of the innermost table that it is in."""
        for end in range(len(loc), 0, -1):
            if (line := self._lines.get(loc[:end])) is not None:
                return line
        return None

    def _section(self, brackets: str, name: str, number: int) -> Loc:
        first, *rest = _parts(name)
        if brackets == "[[" and not rest:
            self._tables[first] = self._tables.get(first, 0) + 1
            self._lines.setdefault((first,), number)
        return (first, self._tables[first] - 1, *rest) if first in self._tables else (first, *rest)


def _parts(name: str) -> list[str]:
    return [part.strip("\"'") for part in _PARTS.findall(name)]


def _lines_alone(text: re.Match[str]) -> str:
    """A string of several lines without what is in them; others are as they were."""
    return "\n" * text[0].count("\n") or text[0]


def read(file: Path, remedy: str) -> tuple[str, dict[str, Any]]:
    """The text of a TOML file, and what is in it.

    Raises:
        ConfigError: it cannot be read, or is no TOML: with line and column.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise ConfigError([f"{file}: there is no such file: {remedy}"]) from None
    except IsADirectoryError:
        raise ConfigError([f"{file}: this is a folder, where a file is expected: {remedy}"]) from None
    except PermissionError:
        raise ConfigError([f"{file}: it may not be read: chmod u+r gives its owner the right"]) from None
    except OSError as fault:
        raise ConfigError([f"{file}: it cannot be read ({fault.strerror}): {remedy}"]) from None
    if content.startswith(BYTE_ORDER_MARK):
        raise ConfigError([f"{file}:1:1: it begins with a byte order mark: save it as UTF-8 without BOM"])
    try:
        text = content.decode()
    except UnicodeDecodeError as fault:
        before = content[: fault.start].rpartition(b"\n")
        line, column = content.count(b"\n", 0, fault.start) + 1, len(before[2].decode()) + 1
        place, byte = f"{file}:{line}:{column}", f"0x{content[fault.start]:02x}"
        raise ConfigError([f"{place}: the byte {byte} is no UTF-8: save the file as UTF-8"]) from None
    return text, document(text, str(file))


def document(text: str, file: str) -> dict[str, Any]:
    """What is in a TOML text.

    Raises:
        ConfigError: it is no TOML: with the file's name, line and column.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        message, _, place = str(fault).partition(" (at ")
        position = ":".join(re.findall(r"\d+", place)) or str(text.count("\n") + 1)
        remedies = (remedy for words, remedy in REMEDIES.items() if words in message)
        raise ConfigError([f"{file}:{position}: {message}{next(remedies, '')}"]) from None


BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

REMEDIES: Final[Mapping[str, str]] = {
    "Illegal character": ": is a quotation mark missing?",
    "Cannot overwrite": ": it is there already; lists of tables are headed by [[NAME]]",
    "twice": ": keys of one table stand under one header",
    "Invalid value": ": write text in quotation marks, and true or false in small letters",
    "Invalid statement": ": write key = value, or a header [section]",
    "after": ": begin a line for each key",
    "Expected": ": missing bracket?",
    "Unterminated": ": is a quotation mark missing?",
}
"""What to do about the parser's messages, by words in them."""
