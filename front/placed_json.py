"""A JSON list of objects, read so that every member is known by its line."""

import json
import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any


class Number(str):
    """A number as it stands in the file, such as `109.99`, `1e3` or `NaN`; nothing of it is rounded."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One name and value of an object; objects inside the value are plain dicts."""

    name: str
    value: Any
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One item of the list: its members where it is an object, else its value."""

    line: int
    members: tuple[Member, ...] | None = None
    value: Any = None


class Broken(Exception):
    """The text is no JSON list; the message says why, and `line` where that shows."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


_SPACE = re.compile(r"[ \t\r\n]*")

_KINDS = {Number: "a number", str: "a text", bool: "true or false", list: "a list", dict: "an object"}


def kind(value: Any) -> str:
    """What a JSON value is, in words: `a text`, `an object`."""
    return _KINDS.get(type(value), "null")


def read_list(text: str, items: list[Item]) -> None:
    """Append every item of the list to `items`; those before a break in the text are kept.

    Raises:
        Broken: the text is empty, no JSON, or no list.
    """
    reader = _Reader(text.removeprefix("\ufeff"))
    first = reader.next()
    if not first:
        raise Broken(1, "the file is empty")
    line = reader.line()
    if first != "[":
        raise Broken(line, f"the file must hold a list, not {kind(reader.value())}")
    reader.take("[")
    if reader.next() != "]":
        items.append(reader.item())
        while reader.next() == ",":
            reader.take(",")
            items.append(reader.item())
    reader.take("]")
    if reader.next():
        raise reader.broken("nothing may follow the list")


class _Reader:
    """A place in a text, moving on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._ends = [end.start() for end in re.finditer("\n", text)]
        self._decoder = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)

    def next(self) -> str:
        """The next character that is no space, left where it is; empty at the end of the text."""
        space = _SPACE.match(self._text, self._at)
        assert space is not None
        self._at = space.end()
        return self._text[self._at : self._at + 1]

    def take(self, expected: str) -> None:
        """Go past this character."""
        if self.next() != expected:
            raise self.broken(f"{expected!r} is missing")
        self._at += 1

    def value(self) -> Any:
        """Go past a JSON value."""
        self.next()
        try:
            value, self._at = self._decoder.raw_decode(self._text, self._at)
        except json.JSONDecodeError as fault:
            self._at = fault.pos
            raise self.broken(fault.msg) from None
        except RecursionError:
            raise self.broken("this is nested too deeply") from None
        return value

    def item(self) -> Item:
        """Go past an item of the list."""
        first, line = self.next(), self.line()
        if first != "{":
            return Item(line=line, value=self.value())
        self.take("{")
        members = []
        if self.next() != "}":
            members.append(self._member())
            while self.next() == ",":
                self.take(",")
                members.append(self._member())
        self.take("}")
        return Item(line=line, members=tuple(members))

    def _member(self) -> Member:
        if self.next() != '"':
            raise self.broken("a field's name in double quotes is missing")
        line = self.line()
        name = self.value()
        self.take(":")
        return Member(name=name, value=self.value(), line=line)

    def line(self) -> int:
        """The number of the line that this place is in, from 1."""
        return bisect_left(self._ends, self._at) + 1

    def broken(self, message: str) -> Broken:
        """The failure to go on from here."""
        column = self._at - (self._text.rfind("\n", 0, self._at) + 1) + 1
        return Broken(self.line(), f"column {column}: {message}")
