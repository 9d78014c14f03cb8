"""Structured Fields (RFC 9651): header fields of typed values, which are read strictly or not at all."""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import unquote


class InvalidStructuredField(ValueError):
    """A field is not what RFC 9651 says, so all of it is to be ignored."""


class Token(str):
    """A word without quotes."""

    __slots__ = ()


class Date(NamedTuple):
    """Seconds since the epoch."""

    seconds: int


BareItem = bool | int | float | str | bytes | Date
Item = BareItem | tuple[BareItem, ...]
"""A value, or those of an inner list. Parameters are checked and left out."""

_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")
_END_OF_NUMBER = r"(?![0-9.])"
_ESCAPED = re.compile(r"\\(.)")


def _display(text: str) -> str:
    try:
        return unquote(text[2:-1], errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidStructuredField(str(error)) from error


def _bytes(text: str) -> bytes:
    content = text[1:-1]
    try:
        return b64decode(content + "=" * (-len(content) % 4), validate=True)
    except NotBase64 as error:
        raise InvalidStructuredField(str(error)) from error


_BARE_ITEMS: Final[tuple[tuple[re.Pattern[str], Callable[[str], BareItem]], ...]] = (
    (re.compile(r"\?[01]"), lambda text: text == "?1"),
    (re.compile(r"-?[0-9]{1,15}" + _END_OF_NUMBER), int),
    (re.compile(r"-?[0-9]{1,12}\.[0-9]{1,3}" + _END_OF_NUMBER), float),
    (re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"), Token),
    (re.compile(r'"(?:[ !#-\[\]-~]|\\["\\])*"'), lambda text: _ESCAPED.sub(r"\1", text[1:-1])),
    (re.compile(r":[A-Za-z0-9+/]*={0,2}:"), _bytes),
    (re.compile(r"@-?[0-9]{1,15}" + _END_OF_NUMBER), lambda text: Date(int(text[1:]))),
    (re.compile(r'%"(?:[ !#$&-~]|%[0-9a-f]{2})*"'), _display),
)


def parse_dictionary(value: bytes) -> dict[str, Item]:
    """The members of a dictionary, whose lines are joined by commas.

    Raises:
        InvalidStructuredField: there is any error in it.
    """
    try:
        return _Parser(value.decode("ascii").strip(" ")).dictionary()
    except UnicodeDecodeError as error:
        raise InvalidStructuredField(str(error)) from error


class _Parser:
    """What is left of a field's value."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def dictionary(self) -> dict[str, Item]:
        members: dict[str, Item] = {}
        while self._position < len(self._text):
            name = self._match(_KEY)
            members.pop(name, None)  # the last one is the one, at its place
            members[name] = self._member_value()
            self._skip(" \t")
            if self._position == len(self._text):
                break
            if not self._take(","):
                raise InvalidStructuredField(f"no comma at {self._position}")
            self._skip(" \t")
            if self._position == len(self._text):
                raise InvalidStructuredField("nothing follows the last comma")
        return members

    def _member_value(self) -> Item:
        if not self._take("="):
            self._parameters()
            return True
        item = self._inner_list() if self._take("(") else self._bare_item()
        self._parameters()
        return item

    def _inner_list(self) -> tuple[BareItem, ...]:
        items: list[BareItem] = []
        while True:
            self._skip(" ")
            if self._take(")"):
                return tuple(items)
            items.append(self._bare_item())
            self._parameters()
            if self._next() not in {" ", ")"}:
                raise InvalidStructuredField("the items of an inner list are separated by spaces")

    def _bare_item(self) -> BareItem:
        for pattern, convert in _BARE_ITEMS:
            if match := pattern.match(self._text, self._position):
                self._position = match.end()
                return convert(match[0])
        raise InvalidStructuredField(f"no value at {self._position}")

    def _parameters(self) -> None:
        while self._take(";"):
            self._skip(" ")
            self._match(_KEY)
            if self._take("="):
                self._bare_item()

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._position)
        if match is None:
            raise InvalidStructuredField(f"no name at {self._position}")
        self._position = match.end()
        return match[0]

    def _next(self) -> str:
        return self._text[self._position : self._position + 1]

    def _take(self, character: str) -> bool:
        found = self._next() == character
        self._position += found
        return found

    def _skip(self, characters: str) -> None:
        while (found := self._next()) and found in characters:
            self._position += 1
