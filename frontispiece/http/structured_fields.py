"""Dictionaries of Structured Fields (RFC 9651), which are read strictly or not at all."""

import re
from typing import Final


class InvalidStructuredField(ValueError):
    """A field is not what RFC 9651 says, so all of it is to be ignored."""


TRUE: Final = "?1"
"""The value of a member that is written without one."""

# No group is repeated possessively: CPython before 3.11.5 loses its place in such a one (gh-106052).
_KEY = r"[a-z*][a-z0-9_.*-]*+"
_TAIL = r"%[89ab][0-9a-f]"
_MULTIBYTE = rf"%[cd][0-9a-f]{_TAIL}|%e[0-9a-f](?:{_TAIL}){{2}}|%f[0-4](?:{_TAIL}){{3}}"
_BARE_ITEM = "|".join(
    (
        r"\?[01]",
        r"-?(?:[0-9]{1,12}\.[0-9]{1,3}|[0-9]{1,15})(?![0-9.])",
        r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*+",
        r'"(?:[ !#-\[\]-~]|\\["\\])*"',
        r":(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?:",
        r"@-?[0-9]{1,15}(?![0-9.])",
        rf'%"(?:[ !#$&-~]|%[0-7][0-9a-f]|{_MULTIBYTE})*"',
    )
)
_PARAMETERS = rf"(?:; *+{_KEY}(?:=(?:{_BARE_ITEM}))?)*"
_ITEM = rf"(?:{_BARE_ITEM}){_PARAMETERS}"
_INNER_LIST = rf"\( *+(?:{_ITEM}(?: ++{_ITEM})*)? *\)"
_MEMBER: Final = re.compile(rf"({_KEY})(?:=({_BARE_ITEM}|{_INNER_LIST}))?{_PARAMETERS}")
_SEPARATOR: Final = re.compile(r"[ \t]*+,[ \t]*+")


def parse_dictionary(value: bytes) -> dict[str, str]:
    """The members of a dictionary, whose lines are joined by commas: values as written, without parameters.

    Raises:
        InvalidStructuredField: there is any error in it.
    """
    text = value.strip(b" ").decode("latin-1")
    members: dict[str, str] = {}
    position = 0
    while position < len(text) or members:
        member = _MEMBER.match(text, position)
        if member is None:
            raise InvalidStructuredField(f"no member at {position}")
        members.pop(member[1], None)  # the last one is the one, at its place
        members[member[1]] = member[2] or TRUE
        if member.end() == len(text.rstrip("\t ")):
            break
        separator = _SEPARATOR.match(text, member.end())
        if separator is None:
            raise InvalidStructuredField(f"no comma at {member.end()}")
        position = separator.end()
    return members
