"""A gateway that is attacked by bytes, in front of an upstream that keeps the bytes it gets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.support.recorder import Recorder, recording, said
from tests.support.serving import servers
from tests.support.tables import route, route_table
from tests.support.world import gateway_of

ROUTES = route_table(
    route("/files/{rest:path}", methods=["GET", "POST"]),
    route("/little", methods=["POST"], max_body_size="1KiB"),
    route("/inside", host="inside.test"),
)


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """The gateway's address, and what comes out behind it."""

    url: str
    upstream: Recorder

    async def say(self, *pieces: bytes) -> bytes:
        """All that is answered to these bytes until the gateway closes the connection, which it has to."""
        return await said(self.url, *pieces)


@pytest.fixture
async def attacked() -> AsyncIterator[Attacked]:
    async with recording() as (recorder, url), servers() as serve:
        yield Attacked(url=await serve(gateway_of(ROUTES, {"things": url})), upstream=recorder)
