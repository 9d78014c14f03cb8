"""What an answer made of many tells caches: nothing that one of them does not allow (RFC 9111)."""

import re
from dataclasses import dataclass
from functools import lru_cache

from gateway.upstream import Headers

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SECONDS = re.compile(rb"[0-9]{1,10}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """What one answer allows: directives without a value, and ages in seconds, None when not told."""

    flags: frozenset[str] = frozenset()
    max_age: int | None = None
    s_maxage: int | None = None


Heeded = tuple[bytes | None, bytes]
"""The fields `Cache-Control` (its lines joined by commas, None without any) and `Age` of one answer."""


class Heard:
    """The headers about caching of every answer that went into one."""

    def __init__(self) -> None:
        self._heeded: list[Heeded] = []
        self._vary: dict[str, None] = {"accept": None}  # by which the whole comes in pieces, or explained

    def note(self, headers: Headers) -> None:
        """Take in one answer's headers."""
        control: bytes | None = None
        age = b""
        for name, value in headers:
            if name == b"cache-control":
                control = value if control is None else control + b"," + value
            elif name == b"vary":
                self._vary.update(dict.fromkeys(_names(value)))
            elif name == b"age":
                age = value
        self._heeded.append((control, age))

    def headers(self, *, degraded: bool, personal: bool) -> Headers:
        """`Cache-Control` and `Vary`.

        Args:
            degraded: some part is not what it should be: nobody may keep that.
            personal: the services were told who asks.
        """
        control = b"no-store" if degraded else strictest(frozenset(self._heeded), personal=personal)
        told = "*" if "*" in self._vary else ", ".join(self._vary)
        return [(b"cache-control", control), (b"vary", told.encode("latin-1"))]


@lru_cache(maxsize=256)
def strictest(heeded: frozenset[Heeded], *, personal: bool) -> bytes:
    """The `Cache-Control` that allows nothing that one of these answers does not allow."""
    controls = [_control(control, age) for control, age in heeded if control is not None]
    silent = len(controls) < len(heeded) or not heeded
    flags = frozenset().union(*(control.flags for control in controls))
    if "no-store" in flags:
        return b"no-store"
    public = not silent and all("public" in control.flags for control in controls)
    private = "private" in flags or (personal and not public)
    told = ["private"] if private else ["public"] if public else []
    told += ["no-cache"] if silent or "no-cache" in flags else _freshness(controls, private=private)
    told += [flag for flag in ("must-revalidate", "no-transform") if flag in flags]
    if "proxy-revalidate" in flags and not private:
        told.append("proxy-revalidate")
    return ", ".join(told).encode()


def _freshness(controls: list[Control], *, private: bool) -> list[str]:
    """How long it may be used without asking: not at all where one answer does not say how long."""
    known = [control.max_age for control in controls if control.max_age is not None]
    if len(known) < len(controls):
        return ["no-cache"]
    told = [f"max-age={min(known)}"]
    if not private and any(control.s_maxage is not None for control in controls):
        shared = [
            c.s_maxage if c.s_maxage is not None else age for c, age in zip(controls, known, strict=True)
        ]
        told.append(f"s-maxage={min(shared)}")
    return told


def _control(value: bytes, age: bytes) -> Control:
    """What is allowed, less the time already spent; an age that cannot be read is 0."""
    spent = _seconds(age)
    flags = set()
    ages: dict[str, int] = {}
    for directive in _QUOTED.sub("", value.decode("latin-1")).split(","):
        name, _, told = (piece.strip() for piece in directive.lower().partition("="))
        if name in {"max-age", "s-maxage"}:
            left = max(0, _seconds(told.encode("latin-1")) - spent)
            ages[name] = min(left, ages.get(name, left))
        else:
            flags.add(name)
    return Control(flags=frozenset(flags), max_age=ages.get("max-age"), s_maxage=ages.get("s-maxage"))


def _seconds(text: bytes) -> int:
    return int(text) if _SECONDS.fullmatch(text) else 0


def _names(value: bytes) -> list[str]:
    return [name.strip().lower() for name in value.decode("latin-1").split(",") if name.strip()]
