"""A gateway that is attacked by bytes, in front of an upstream that keeps the bytes it gets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.support.gateways import gateway_of
from tests.support.recorder import Recorder, recording, said
from tests.support.serving import servers

ROUTES = """
[services.things]
url = "registry://things"

[[routes]]
path = "/files/{rest:path}"
methods = ["GET", "POST"]
to = "things"
auth = "none"

[[routes]]
path = "/little"
methods = ["POST"]
to = "things"
auth = "none"
body = "1KiB"

[[routes]]
path = "/inside"
host = "inside.test"
to = "things"
auth = "none"
"""


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
