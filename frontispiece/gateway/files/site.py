"""The files of a route as its calls find them: those of its release, and what is left of earlier ones."""

from collections.abc import Mapping, Sequence
from typing import Final

from frontispiece.gateway.config.route import Route
from frontispiece.gateway.files.release import File, Found, Release
from frontispiece.http.paths import Template, decode_segment

EARLIER_RELEASES: Final = 3
"""Releases whose files that never change are still served: pages that were loaded before import them."""

Params = Mapping[str, Sequence[str]]
"""The normalised segments of a route's placeholders."""


class Site:
    """The files of a route.

    Args:
        route: a route with files.
        releases: those that are served, the newest first; of earlier ones only what never changes.
    """

    def __init__(self, route: Route, releases: Sequence[Release]) -> None:
        self._template = route.template
        self._parameter = route.template.names[-1]
        self._release, *self._earlier = releases

    def find(self, params: Params) -> Found | None:
        """What is served at the path of a call; None when nothing is."""
        path = "/".join(map(decode_segment, params[self._parameter]))
        if found := self._release.find(path, self._template.fill(params)):
            return found
        assets = (each.assets[path] for each in self._earlier if path in each.assets)
        return next((Found(asset, immutable=True) for asset in assets), None)

    def compress(self) -> None:
        """Make the compressed forms of all files; not for the event loop's thread."""
        self._release.compress()

    @property
    def page(self) -> File:
        """The HTML of every page."""
        return self._release.page


def without_slash(route: Route) -> Template | None:
    """The path of a mount without the slash at its end; None for what has no such path."""
    *fixed, _ = route.template.parts
    return Template(tuple(fixed)) if route.files and fixed else None


class Sites:
    """The releases that this process has served, by route."""

    def __init__(self) -> None:
        self._releases: dict[str, list[Release]] = {}

    def of(self, route: Route) -> Site | None:
        """The files of a route with its earlier releases; None for a route without files."""
        if route.files is None:
            return None
        release = route.files.release
        earlier = [each for each in self._releases.get(route.name, []) if each != release]
        releases = self._releases[route.name] = [release, *earlier[:EARLIER_RELEASES]]
        return Site(route, releases)
