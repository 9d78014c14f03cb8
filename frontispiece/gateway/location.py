"""`Location` in responses of services: their own paths become those of the gateway, as in nginx."""

from collections.abc import Callable

from frontispiece.gateway.config.route import Route
from frontispiece.http.paths import Parameter
from frontispiece.upstream import Headers

Rewrite = Callable[[Headers], Headers]


def location_rewrite(route: Route) -> Rewrite | None:
    """Makes a path of the route's service a path of the gateway; None where they are the same.

    A route from `/web/things` to `/things` makes `/web/parts/7` of `/parts/7`. URLs with a scheme or
    host, and paths that begin as the route's own do, are public already.
    """
    public, own = _bases(route)
    if public is None or own is None or public == own:
        return None

    def rewrite(headers: Headers) -> Headers:
        return [(name, _public(value) if name == b"location" else value) for name, value in headers]

    def _public(value: bytes) -> bytes:
        if value.startswith(b"//") or not _is_below(value, own) or (public and _is_below(value, public)):
            return value
        return public + value.removeprefix(own)

    return rewrite


def _bases(route: Route) -> tuple[bytes | None, bytes | None]:
    """The route's path and its target's, without what both end with; None where that has placeholders."""
    path, target = list(route.template.parts), list(route.target.parts)
    while path and target and path[-1] == target[-1]:
        path.pop()
        target.pop()
    return _fixed(path), _fixed(target)


def _fixed(parts: list[str | Parameter]) -> bytes | None:
    fixed = [part for part in parts if isinstance(part, str)]
    return "".join(f"/{part}" for part in fixed).encode() if len(fixed) == len(parts) else None


def _is_below(path: bytes, base: bytes) -> bool:
    after = path[len(base) : len(base) + 1]
    return path.startswith(b"/") and path.startswith(base) and after in {b"/", b"?", b"#", b""}
