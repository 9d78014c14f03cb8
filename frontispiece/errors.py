"""Errors that a user can put right, and the hint at the name that was meant.

Stability: stable.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

__all__ = ["ConfigError", "UserError", "in_words", "nearest"]


class UserError(Exception):
    """What a user can put right: `front` and a project's own commands print the message and exit with 1."""


class ConfigError(UserError):
    """A configuration that cannot work, with all that is wrong with it.

    Args:
        errors: one message for each mistake, with its place.
    """

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = list(errors)


def nearest(name: str, valid: Iterable[str], prefix: str = "") -> str:
    """The end of a message about an unknown name: the nearest valid one, if any is near.

    Args:
        name: the unknown one.
        valid: the known ones.
        prefix: that all begin with; it brings none nearer to another.
    """
    name, names = name.removeprefix(prefix), sorted(known.removeprefix(prefix) for known in valid)
    found = get_close_matches(name, names, 1) or [known for known in names if name in known.split("_")]
    return f": did you mean {' or '.join(repr(prefix + known) for known in found)}?" if found else ""


def in_words(error: Mapping[str, Any]) -> str:
    """An error of pydantic's as an instruction: what to write instead.

    Args:
        error: one of `ValidationError.errors()`.
    """
    value = error["input"]
    if (words := _WORDS.get(error["type"])) is None:
        return _SHOULD.sub("must", str(error["msg"]).removeprefix("Value error, "))
    expected = str(error.get("ctx", {}).get("expected", ""))
    meant = nearest(str(value), _QUOTED.findall(expected)) if expected else ""
    return words.format(value=value, expected=expected, json=json.dumps(value, default=str)) + meant


_SHOULD: Final = re.compile(r"^(Input|String) should")
_QUOTED: Final = re.compile(r"'([^']*)'")

_LIST: Final = "must be a list: write [{json}]"
_CHOICE: Final = "{value!r} is none of {expected}"
_WHOLE: Final = "{value!r} is no whole number"
_TRUTH: Final = "{value!r} is neither true nor false"

_WORDS: Final = {
    "missing": "is missing",
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "bool_parsing": _TRUTH,
    "bool_type": _TRUTH,
    "string_type": 'must be text: write "{value}"',
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": "must be a table",
    "enum": _CHOICE,
    "literal_error": _CHOICE,
}
