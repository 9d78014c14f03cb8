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
    """What answers at a route.

    Args:
        handler: answers calls.
        service: what is behind it, in logs and problems.
        refusal: the headers of refusals that its layers have not seen.
        preflight: answers CORS preflights.
        websockets: relays its WebSockets.
        site: its files; None for a route without files.
        layers: the names of its layers, from the outside in.
    """

    handler: Handler
    service: str
    refusal: RefusalHeaders
    preflight: Handler | None = None
    websockets: WebSocketProxy | None = None
    site: Site | None = None
    layers: tuple[str, ...] = ()

    def has(self, params: Params) -> bool:
        """Whether there may be something at a path: only of files is that known before the call."""
        return self.site is None or self.site.find(params) is not None


class RouteMatcher:
    """Finds the entries of a table by method, host and path.

    A route with files has every path below its own. Where it has no file, it is as if it were not there:
    another method is 404, not 405, and a 405 names the methods of other routes alone.
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
