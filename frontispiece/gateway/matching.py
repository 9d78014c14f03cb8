"""Finds the route of a request: a route with files does not answer for routes where it has none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from frontispiece.gateway.call import Handler
from frontispiece.gateway.files.site import Params, Site
from frontispiece.gateway.policies.websocket.handler import WebSocketProxy
from frontispiece.gateway.refusals import RefusalHeaders
from frontispiece.http.router import Match, Matcher, MethodNotAllowed, Pattern, RouteNotFound


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """What answers a route's calls and CORS preflights, its service, and the proxy of its WebSockets.

    Of a route with files, these.
    """

    handler: Handler
    service: str
    refusal: RefusalHeaders
    preflight: Handler | None = None
    websockets: WebSocketProxy | None = None
    site: Site | None = None
    layers: tuple[str, ...] = ()
    """The names of what a call passes, from the outside in."""

    def has(self, params: Params) -> bool:
        """Whether there may be something at a path: only of files is that known before the call."""
        return self.site is None or self.site.find(params) is not None


class RouteMatcher:
    """Finds the entries of a table by method, host and path.

    Files have a place below which every path is theirs. Where there is no file, they leave no trace: other
    methods are not allowed there but not found, and methods of other routes at the path are named.
    """

    def __init__(self, entries: Iterable[tuple[Pattern, RouteEntry]]) -> None:
        self._matcher = Matcher(entries)

    def match(self, method: str, host: str, segments: Sequence[str]) -> Match[RouteEntry]:
        """The entry of a request; that of files also where none of them is, if nothing else is there.

        Raises:
            RouteNotFound: no route has this path.
            MethodNotAllowed: one has this path, but not this method.
        """
        try:
            found = self._matcher.match(method, host, segments)
        except MethodNotAllowed:
            if allowed := self._allowed(host, segments):
                raise MethodNotAllowed(allowed) from None
            raise RouteNotFound from None
        if found.target.site is None or found.target.has(found.params):
            return found
        if allowed := self._allowed(host, segments):
            raise MethodNotAllowed(allowed)
        return found

    def entries_at(self, method: str, host: str, segments: Sequence[str]) -> list[RouteEntry]:
        """The entries at this path, whatever their methods; those of this method come first."""
        return self._matcher.targets_at(method, host, segments)

    def _allowed(self, host: str, segments: Sequence[str]) -> list[str]:
        """The methods that are answered at a path."""
        found = self._matcher.matches_at(host, segments)
        return [method for method, match in found if match.target.has(match.params)]
