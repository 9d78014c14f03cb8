"""What is wrong with a route for files that is valid in itself, and reading its files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from frontispiece.gateway.config.route import Auth, Route
from frontispiece.gateway.files.config import mount_of, pages_of
from frontispiece.gateway.files.folder import Folder
from frontispiece.gateway.files.release import Release
from frontispiece.http.headers import SAFE_METHODS

FOR_RESPONSES: Final = ("compression", "idempotency", "cache", "collapse")
"""Keys of a route whose responses a service makes."""


def faults_of_files(route: Route) -> Iterator[tuple[str, str]]:
    """Files have a place of their own, and no policy that is about a service's responses."""
    if route.files is None:
        return
    mount = mount_of(route.template)
    if mount is None:
        yield "path", "files are served below a path: fixed segments, and {file:path} at its end"
    elif outside := [page for page in pages_of(route.files, mount) if not page.startswith(mount)]:
        yield "files", f"files: pages: not below {mount}, the path of the route: {', '.join(outside)}"
    if set(route.methods) - SAFE_METHODS or "GET" not in route.methods:
        yield "methods", "methods: files answer GET, and HEAD with it"
    if route.auth is Auth.PASSTHROUGH:
        yield "auth", 'auth = "passthrough" hands credentials to a service: files have none'
    for key in FOR_RESPONSES:
        if getattr(route, key):
            yield (
                key,
                f"{key} is for responses of services: files are compressed, and say how they are cached",
            )


def with_release(route: Route, folder: Path) -> Route:
    """A copy of a valid route that has read its files; the same route if it has none.

    Raises:
        FaultyFiles: they cannot be served.
    """
    files = route.files
    mount = mount_of(route.template)
    if files is None or mount is None:
        return route
    release = Release.read(
        Folder(folder=folder / files.folder, include=files.include),
        index=files.index,
        pages=pages_of(files, mount),
        mount=mount,
    )
    return route.model_copy(update={"files": files.with_release(release)})
