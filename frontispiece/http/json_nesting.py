"""How deeply JSON is nested: what is accepted here can be decoded, changed and encoded anywhere."""

from typing import Final

MAX_DEPTH: Final = 200
"""Objects and lists within each other; Python's stack has room for about a thousand calls."""

_AS_LIST: Final = bytes.maketrans(b"{}", b"[]")
_OTHERS: Final = bytes(set(range(256)) - set(b'[]{}"'))


def is_nested_too_deeply(content: bytes, limit: int = MAX_DEPTH) -> bool:
    """Whether more objects and lists than the limit are within each other; any answer for what is no JSON."""
    if content.count(b"[") + content.count(b"{") <= limit:
        return False
    brackets = _without_strings(content)
    levels = 0
    while levels <= limit:
        if b"[" * (limit - levels + 1) in brackets:
            return True
        inner = brackets.replace(b"[]", b"")  # without the innermost level
        if len(inner) == len(brackets):
            return False
        brackets, levels = inner, levels + 1
    return True


def _without_strings(content: bytes) -> bytes:
    """The square and curly brackets outside of strings, all as square ones."""
    if b"\\" in content:
        content = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = content.translate(_AS_LIST, _OTHERS).replace(b'""', b"")  # all that is left of most strings
    return b"".join(brackets.split(b'"')[::2]) if b'"' in brackets else brackets
