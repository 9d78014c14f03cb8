"""A gateway with an access log, and its lines as they are read."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.access import AccessLog, AccessLogSettings
from tests.gateway.conftest import ROUTES
from tests.support.gateways import gateway_of
from tests.support.issuer import Issuer
from tests.support.serving import client_of, nobody_there, servers
from tests.support.stub import Stub

Ask = Callable[[httpx.AsyncClient], Awaitable[object]]
LinesOf = Callable[..., Awaitable[list[dict[str, Any]]]]

LIMITED = """
[[routes]]
path = "/limited"
to = "things"
auth = "none"
limit = { rate = "1/hour", by = "route" }

[[routes]]
path = "/shared"
to = "things"
auth = "none"
cors = { origins = ["https://app.example"] }
"""


def _read(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text("ascii").splitlines()]


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


@pytest.fixture
def lines_of(log_path: Path, signing_key: str, issuer: Issuer) -> LinesOf:
    """`await lines_of(ask)`: what a gateway has logged when it has stopped, after `ask` has asked it."""

    async def lines_of(
        ask: Ask, things: Stub | None = None, before: str = "", **settings: Any
    ) -> list[dict[str, Any]]:
        log = AccessLog(AccessLogSettings(access_log=str(log_path), **settings), b"secret")
        async with servers() as serve:
            services = {"things": await serve(things or Stub()), "gone": nobody_there()}
            gateway = gateway_of(
                before + ROUTES + LIMITED, services, key=signing_key, issuer=issuer, access_log=log
            )
            async with client_of(await serve(gateway)) as http:
                await ask(http)
        return _read(log_path)

    return lines_of
