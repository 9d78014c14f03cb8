"""`Cache-Control` and `Vary` of a response that is joined of many (RFC 9111): the strictest of all."""

import re
from dataclasses import dataclass
from functools import lru_cache

from frontispiece.upstream import Headers

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SECONDS = re.compile(rb"[0-9]{1,10}")


FOREVER = 10**10
"""More seconds than any age has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """The `Cache-Control` of one response: directives without a value, and ages in seconds."""

    flags: frozenset[str] = frozenset()
    max_age: int | None = None
    s_maxage: int | None = None


CachingFields = tuple[bytes | None, bytes]
"""The fields `Cache-Control` (None without any) and `Age` of one answer, their lines joined by commas."""


class CacheHeaders:
    """The caching headers of all responses that are joined into one."""

    def __init__(self) -> None:
        self._responses: list[CachingFields] = []
        self._vary: dict[str, None] = {"accept": None}  # by which the whole comes in pieces, or explained

    def add(self, headers: Headers) -> None:
        """Add the headers of one response."""
        control: bytes | None = None
        age = b""
        for name, value in headers:
            if name == b"cache-control":
                control = value if control is None else control + b"," + value
            elif name == b"vary":
                self._vary.update(dict.fromkeys(_names(value)))
            elif name == b"age":
                age += b"," + value if age else value
        self._responses.append((control, age))

    def headers(self, *, degraded: bool, personal: bool) -> Headers:
        """`Cache-Control` and `Vary`.

        Args:
            degraded: a part is replaced by its fallback: nobody may cache that.
            personal: the services knew the caller.
        """
        control = b"no-store" if degraded else strictest(frozenset(self._responses), personal=personal)
        vary = "*" if "*" in self._vary else ", ".join(self._vary)
        return [(b"cache-control", control), (b"vary", vary.encode("latin-1"))]


@lru_cache(maxsize=256)
def strictest(responses: frozenset[CachingFields], *, personal: bool) -> bytes:
    """The `Cache-Control` that allows no more than any of these responses."""
    controls = [_control(control, age) for control, age in responses if control is not None]
    unspecified = len(controls) < len(responses) or not responses
    flags = frozenset().union(*(control.flags for control in controls))
    if "no-store" in flags:
        return b"no-store"
    public = not unspecified and all("public" in control.flags for control in controls)
    private = "private" in flags or (personal and not public)
    directives = ["private"] if private else ["public"] if public else []
    directives += (
        ["no-cache"] if unspecified or "no-cache" in flags else _freshness(controls, private=private)
    )
    directives += [flag for flag in ("must-revalidate", "no-transform") if flag in flags]
    if "proxy-revalidate" in flags and not private:
        directives.append("proxy-revalidate")
    return ", ".join(directives).encode()


def _freshness(controls: list[Control], *, private: bool) -> list[str]:
    """How long it may be used without request: not at all where one answer does not say how long."""
    known = [control.max_age for control in controls if control.max_age is not None]
    if len(known) < len(controls):
        return ["no-cache"]
    directives = [f"max-age={min(known)}"]
    if not private and any(control.s_maxage is not None for control in controls):
        shared = [
            c.s_maxage if c.s_maxage is not None else age for c, age in zip(controls, known, strict=True)
        ]
        directives.append(f"s-maxage={min(shared)}")
    return directives


def _control(value: bytes, age: bytes) -> Control:
    """One response's directives, with its `Age` subtracted; one that cannot be read is `FOREVER`."""
    spent = max(_seconds(member.strip(), FOREVER) for member in age.split(b",")) if age else 0
    flags = set()
    ages: dict[str, int] = {}
    for directive in _QUOTED.sub("", value.decode("latin-1")).split(","):
        name, _, argument = (piece.strip() for piece in directive.lower().partition("="))
        if name in {"max-age", "s-maxage"}:
            left = max(0, _seconds(argument.encode("latin-1")) - spent)
            ages[name] = min(left, ages.get(name, left))
        else:
            flags.add(name)
    return Control(flags=frozenset(flags), max_age=ages.get("max-age"), s_maxage=ages.get("s-maxage"))


def _seconds(text: bytes, invalid: int = 0) -> int:
    return int(text) if _SECONDS.fullmatch(text) else invalid


def _names(value: bytes) -> list[str]:
    return [name.strip().lower() for name in value.decode("latin-1").split(",") if name.strip()]
