"""A gateway whose routes lead to methods of the library."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.frontispiece.gateway.grpc.library import ROUTES, Library, table_with
from tests.support.serving import Serve, client_of, nobody_there
from tests.support.tables import route, route_table
from tests.support.world import gateway_of


class World:
    """A gateway before a library."""

    def __init__(self, library: Library, http: httpx.AsyncClient) -> None:
        self.library = library
        self.http = http

    async def get(self, path: str, **options: Any) -> Any:
        return (await self.http.get(path, **options)).json()


@pytest.fixture
async def world(serve: Serve, tmp_path: Path) -> AsyncIterator[World]:
    library = Library()
    async with library.serving() as address:
        gateway = gateway_of(route_table(route("/a", to="b")), {"library": address, "b": nobody_there()})
        url = await serve(gateway)
        async with client_of(url) as http:
            assert await gateway.serve_table(table_with(tmp_path, *ROUTES))
            yield World(library, http)
