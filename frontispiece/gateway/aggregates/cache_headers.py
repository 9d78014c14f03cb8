"""`Cache-Control` and `Vary` of a response that is joined of many (RFC 9111): the strictest of all."""

from functools import lru_cache

from frontispiece.http.cache_control import MAX_SECONDS, Directives, parse_seconds
from frontispiece.http.headers import members
from frontispiece.upstream import Headers

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
                self._vary |= dict.fromkeys(
                    member.decode("latin-1").lower() for member in members([(name, value)], name)
                )
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
    known = [(control.decode("latin-1"), age) for control, age in responses if control is not None]
    controls = [(Directives.parse(control), age) for control, age in known]
    unspecified = len(controls) < len(responses) or not responses

    def has(name: str) -> bool:
        return any(name in control for control, _ in controls)

    if has("no-store"):
        return b"no-store"
    public = not unspecified and all("public" in control for control, _ in controls)
    private = has("private") or (personal and not public)
    directives = ["private"] if private else ["public"] if public else []
    directives += ["no-cache"] if unspecified or has("no-cache") else _freshness(controls, private=private)
    directives += [name for name in ("must-revalidate", "no-transform") if has(name)]
    if has("proxy-revalidate") and not private:
        directives.append("proxy-revalidate")
    return ", ".join(directives).encode()


def _freshness(controls: list[tuple[Directives, bytes]], *, private: bool) -> list[str]:
    """How long it may be used without request: not at all where one answer does not say how long."""
    known = [left for control, age in controls if (left := _left(control, "max-age", age)) is not None]
    if len(known) < len(controls):
        return ["no-cache"]
    directives = [f"max-age={min(known)}"]
    shared = [_left(control, "s-maxage", age) for control, age in controls]
    if not private and any(left is not None for left in shared):
        lifetimes = [own if left is None else left for left, own in zip(shared, known, strict=True)]
        directives.append(f"s-maxage={min(lifetimes)}")
    return directives


def _left(control: Directives, name: str, age: bytes) -> int | None:
    """The seconds of a directive without the response's `Age`; none are left where that cannot be read."""
    seconds = control.seconds(name)
    if seconds is None or not age:
        return seconds
    ages = age.decode("latin-1").split(",")
    return max(0, seconds - max(parse_seconds(each.strip(), MAX_SECONDS) for each in ages))
