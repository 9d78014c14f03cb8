"""Who calls the tools of a library."""

from typing import Any

import httpx
import pytest
from msgspec import Struct

from tests.conftest import MakeToken, internal_bearer

Json = dict[str, Any]


class Books(Struct, frozen=True):
    """Titles."""

    titles: list[str]


class Caller:
    """Sends messages as a user with these scopes."""

    def __init__(self, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self._http = http
        self._headers = headers

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._http.post("/mcp", json=body, headers={**self._headers, **named})

    async def post_bytes(self, body: bytes) -> httpx.Response:
        headers = {**self._headers, "content-type": "application/json"}
        return await self._http.post("/mcp", content=body, headers=headers)

    async def send(self, method: str, **params: Any) -> Json:
        answer = await self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        found: Json = answer.json()
        return found

    async def call(self, tool: str, **arguments: Any) -> Json:
        found: Json = (await self.send("tools/call", name=tool, arguments=arguments))["result"]
        return found


@pytest.fixture
def bearer(signing_key: str) -> MakeToken:
    """`bearer("reader", "books")`: the Authorization header of the gateway's call for a user."""
    return internal_bearer(signing_key, "library")
