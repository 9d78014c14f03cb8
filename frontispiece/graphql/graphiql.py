"""GraphiQL for developers, from the files of an installed package: nothing comes from elsewhere."""

from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from frontispiece.extras import check_extra
from frontispiece.http.problems import Problem
from frontispiece.pages.endpoint import SkipOptional
from frontispiece.pages.request import PageRequest
from frontispiece.upstream import Reply

STATIC: Final = Path(__file__).parent / "static"

PACKAGE: Final = "graphene_django_graphiql_static"
"""It has GraphiQL and React as they are released for pages without a bundler."""

FILES: Final = {
    "index.html": "text/html; charset=utf-8",
    "start.css": "text/css; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
    "graphiql.min.css": "text/css; charset=utf-8",
    "graphiql.min.js": "text/javascript; charset=utf-8",
    "react.production.min.js": "text/javascript; charset=utf-8",
    "react-dom.production.min.js": "text/javascript; charset=utf-8",
}

CSP: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:"
)


class GraphiqlEndpoint:
    """Serves GraphiQL at `{path}/graphiql/{file}` beside an API at `{path}/graphql`.

    Args:
        accessible: whether it is served at all: never to the public.
    """

    methods = ("GET",)
    deadline = 5.0
    websocket = None
    pages = ()
    usage = None

    def __init__(self, path: str, *, accessible: bool) -> None:
        self.path = f"{path.rpartition('/')[0]}/graphiql/{{file}}"
        self.skip_optional: SkipOptional | None = None
        self._accessible = accessible

    async def reply(self, request: PageRequest, _body: bytes | AsyncIterator[bytes]) -> Reply:
        """A file.

        Raises:
            Problem: 404, there is none, or the package is not installed.
        """
        name = request.path["file"]
        if not self._accessible or name not in FILES:
            raise Problem(404, "no-route", "There is no such file.")
        headers = [
            (b"content-type", FILES[name].encode()),
            (b"cache-control", b"no-cache"),
            (b"content-security-policy", CSP.encode()),
            (b"x-content-type-options", b"nosniff"),
        ]
        return Reply.whole(200, _file(name).read_bytes(), headers)

    def check(self) -> None:
        """Nothing is made later."""


def _file(name: str) -> Path:
    if (own := STATIC / name).is_file():
        return own
    try:
        check_extra("graphiql", PACKAGE)
    except ValueError as missing:
        raise Problem(404, "no-route", f"{missing}.") from missing
    spec = find_spec(PACKAGE)
    assert spec is not None and spec.submodule_search_locations, "it is installed"  # noqa: PT018
    return Path(spec.submodule_search_locations[0]) / "static" / PACKAGE / name
