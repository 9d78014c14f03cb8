"""An aggregate in pieces: the object with its required parts first, then what each optional one changes."""

import asyncio

import httpx
import pytest

from tests.frontispiece.gateway.aggregates.conftest import Join, by_target, said
from tests.support.frames import EVENTS, LINES, Frame, frames, shown
from tests.support.stub import answering, waiting

OPTIONAL = ', optional = true, fallback = { level = "unknown" } }'
TWO = 'parts.a = { from = "catalog:/p" }\nparts.b = { from = "inventory:/p"' + OPTIONAL


async def read(http: httpx.AsyncClient, media_type: str = LINES) -> list[Frame]:
    async with http.stream("GET", "/a/A", headers={"Accept": media_type}) as answer:
        assert answer.status_code == 200
        return [frame async for frame in frames(answer.aiter_raw(), media_type)]


@pytest.mark.parametrize("media_type", [LINES, EVENTS])
async def test_required_parts_come_before_an_optional_one_that_is_slow(join: Join, media_type: str) -> None:
    go_on = asyncio.Event()
    world = await join(TWO, said('{"n":1}'), waiting(go_on, said('{"level":"low"}')))
    async with world.http.stream("GET", "/a/A", headers={"Accept": media_type}) as answer:
        assert answer.headers["content-type"] == media_type
        assert answer.headers["cache-control"] == "no-store"
        assert "accept" in answer.headers["vary"]
        coming = frames(answer.aiter_raw(), media_type)
        assert await anext(coming) == {"view": {"a": {"n": 1}, "b": {"level": "unknown"}}}
        go_on.set()
        assert [frame async for frame in coming] == [
            {"path": "/b/level", "data": "low", "source": "b"},
            {"end": {"degraded": {}}},
        ]


async def test_the_last_frame_names_a_list_without_some_of_its_elements(join: Join) -> None:
    parts = (
        'parts.p = { from = "inventory:/p" }\n'
        'parts.l = { from = "catalog:/p/{each}", each = "p.l", optional = true }'
    )
    catalog = by_target({"/p/a": said("1"), "/p/b": answering(500, b"")})
    world = await join(parts, catalog, said('{"l":["a","b"]}'))

    document, end = shown(await read(world.http))

    assert (document["l"], end) == ([1], {"degraded": {"l": "failed"}})


async def test_numbers_stay_as_they_were_written(join: Join) -> None:
    numbers = "[1.10,12345678901234567890123,1E400,-0.0,1e5]"
    go_on = asyncio.Event()
    world = await join(TWO, said(numbers), waiting(go_on, said(f'{{"level":{numbers}}}')))
    async with world.http.stream("GET", "/a/A", headers={"Accept": LINES}) as answer:
        lines = answer.aiter_lines()
        assert await anext(lines) == f'{{"view":{{"a":{numbers},"b":{{"level":"unknown"}}}}}}'
        go_on.set()
        assert await anext(lines) == f'{{"path":"/b/level","data":{numbers},"source":"b"}}'
