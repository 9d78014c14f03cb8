"""A shard that is away when its service starts: those of the others are served, and it is taken in later."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from frontispiece.settings import TokenSettings
from tests.conftest import AppClient, internal_bearer
from tests.services.ordering.sharded import customer
from tests.services.pickup.world import BERLIN, SYDNEY, opened, scattered
from tests.support.absence import file_away
from tests.support.apps import APPS, Parts

NEARBY = "/nearby?latitude={}&longitude={}&radius=10000"


@pytest.mark.parametrize("audience", ["feed", "ordering", "pickup"])
async def test_a_service_starts_without_a_shard_serves_the_others_and_takes_it_in_when_it_comes(
    *, audience: str, tmp_path: Path, token_settings: TokenSettings, signing_key: str, app_client: AppClient
) -> None:
    parts = Parts(folder=tmp_path, tokens=token_settings, signing_key=signing_key, second_shard=True)
    urls = {"0": f"sqlite:///{tmp_path}/service.db", "1": f"sqlite:///{tmp_path}/other.db"}
    bearer = internal_bearer(signing_key, audience)

    @asynccontextmanager
    async def serving() -> AsyncIterator[httpx.AsyncClient]:
        async with app_client(APPS[audience](parts)) as http:
            yield http

    async def read(http: httpx.AsyncClient, shard: str) -> httpx.Response:
        owner = customer(shard)
        path = {
            "feed": f"/timelines/{owner}",
            "ordering": "/orders",
            "pickup": NEARBY.format(*(BERLIN if shard == home else SYDNEY)),
        }[audience]
        return await http.get(path, headers=bearer(owner, "shop"))

    home = "0"
    if audience == "pickup":
        async with opened(urls, scattered()) as shards:
            (home,) = (await shards.near(*BERLIN, 10_000, limit=1)).shards
            assert (await shards.near(*SYDNEY, 10_000, limit=1)).shards != [home]
    async with serving() as http:
        assert [(await read(http, shard)).status_code for shard in "01"] == [200, 200]

    with file_away(urls["1"]):
        later = serving()
        http = await later.__aenter__()
        assert (await read(http, "0")).status_code == 200
        refused = await read(http, "1")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        if audience != "ordering":  # what an order needs besides is away
            assert (await http.get("/health/ready")).json() == {"status": "degraded"}
    async with asyncio.timeout(60):
        while (await read(http, "1")).status_code != 200:  # noqa: ASYNC110 (no event; a read leaves no turn)
            await asyncio.sleep(0.01)
    if audience != "ordering":
        assert (await http.get("/health/ready")).json() == {"status": "ready"}
    await later.__aexit__(None, None, None)
