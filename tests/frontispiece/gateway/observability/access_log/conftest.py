"""A gateway with an access log, and its lines as they are read."""

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from frontispiece.gateway.observability.access_log import AccessLog, AccessLogSettings
from tests.frontispiece.conftest import EDGE_ROUTES
from tests.support.issuer import Issuer
from tests.support.serving import client_of, nobody_there, servers
from tests.support.stub import Stub
from tests.support.tables import route, route_table
from tests.support.world import gateway_of

Ask = Callable[[httpx.AsyncClient], Awaitable[object]]
LinesOf = Callable[..., Awaitable[list[dict[str, Any]]]]

LIMITED = (
    route("/limited", rate_limit={"rate": "1/hour", "by": "route"}),
    route("/shared", cors={"origins": ["https://app.example"]}),
)


def _read(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text("ascii").splitlines()]


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


@pytest.fixture
def lines_of(log_path: Path, signing_key: str, issuer: Issuer) -> LinesOf:
    """`await lines_of(ask)`: what a gateway has logged when it has stopped, after `ask` has asked it."""

    async def lines_of(
        ask: Ask, things: Stub | None = None, edge: Mapping[str, Any] | None = None, **settings: Any
    ) -> list[dict[str, Any]]:
        log = AccessLog(AccessLogSettings(access_log=str(log_path), **settings), b"secret")
        async with servers() as serve:
            services = {"things": await serve(things or Stub()), "gone": nobody_there()}
            gateway = gateway_of(
                route_table(*EDGE_ROUTES, *LIMITED, edge=edge or {}),
                services,
                key=signing_key,
                issuer=issuer,
                access_log=log,
            )
            async with client_of(await serve(gateway)) as http:
                await ask(http)
        return _read(log_path)

    return lines_of
