"""The table that a gateway serves changes under its calls, and none of them is the worse for it."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from frontispiece.gateway.config import table
from frontispiece.gateway.reload import Outcome
from tests.support.stub import Exchange, Stub, answering
from tests.support.tables import route, route_table
from tests.support.waiting import until
from tests.support.world import OpenWorld, World

THING = route("/things/{id}", rate_limit={"rate": "1000/hour", "by": "route"})
THINGS = route_table(THING)


def with_others(calls: int) -> str:
    """The same, and another service whose breaker opens after so many failures."""
    services = {"others": {"breaker": {"min_requests": calls}}}
    return route_table(THING, route("/others/{id}", to="others"), services=services)


def only_others(calls: int) -> str:
    services = {"others": {"breaker": {"min_requests": calls}}}
    return route_table(route("/others/{id}", to="others"), services=services)


CALLERS = 8


@pytest.fixture
async def world(open_world: OpenWorld) -> World:
    """A gateway that serves `THINGS`, and the two services that tables lead to."""
    return await open_world(THINGS, others=Stub(), reloads=True)


def streaming(go_on: asyncio.Event) -> Callable[[Exchange], object]:
    async def answer(exchange: Exchange) -> None:
        await exchange.start(200)
        await exchange.chunk(b"begun,")
        await go_on.wait()
        await exchange.end(b"ended")

    return answer


async def test_many_reloads_under_load_drop_no_call_and_break_no_stream(world: World) -> None:
    end = asyncio.Event()

    async def others(exchange: Exchange) -> None:
        answer = streaming(end) if exchange.path == b"/others/stream" else answering(200, b"{}")
        await answer(exchange)  # type: ignore[misc]

    world.others.answer = others
    await world.reload(with_others(100))
    statuses: list[int] = []
    done = False

    async def call(path: str) -> None:
        while not done:
            statuses.append((await world.http.get(path)).status_code)

    async with world.http.stream("GET", "/others/stream") as stream:
        chunks = stream.aiter_bytes()
        assert await anext(chunks) == b"begun,"
        callers = [asyncio.create_task(call(f"/{('things', 'others')[n % 2]}/{n}")) for n in range(CALLERS)]
        for number in range(30):
            before = len(statuses)
            # The service is another each time, so that it is opened, and the one before is closed, each time.
            assert (await world.reload(with_others(101 + number))).outcome is Outcome.DONE
            await until(lambda before=before: len(statuses) > before)  # type: ignore[misc]
        done = True
        await asyncio.gather(*callers)
        end.set()
        assert b"".join([chunk async for chunk in chunks]) == b"ended"

    assert len(statuses) > 30
    assert set(statuses) == {200}
    assert 'gateway_reload_total{outcome="done"} 31.0' in world.metrics()


async def test_the_connections_of_a_service_that_is_the_same_stay_warm(world: World) -> None:
    clients = []

    async def remember(exchange: Exchange) -> None:
        clients.append(exchange.client)
        await answering(200, b"{}")(exchange)

    world.things.answer = remember
    await world.http.get("/things/1")
    await world.reload(with_others(1))
    await world.http.get("/things/2")

    assert len(clients) == 2
    assert clients[0] == clients[1]


async def test_what_a_route_that_is_the_same_has_counted_goes_on_and_a_changed_one_begins_anew(
    world: World,
) -> None:
    def left(answer: httpx.Response) -> int:
        return int(answer.headers["ratelimit"].partition("r=")[2].partition(";")[0])

    assert left(await world.http.get("/things/1")) == 999
    await world.reload(with_others(1))
    assert left(await world.http.get("/things/1")) == 998

    await world.reload(THINGS.replace("1000/hour", "500/hour"))
    assert left(await world.http.get("/things/1")) == 499
    assert 'gateway_requests_total{method="GET",route="/things/{id}",status="2xx"} 3.0' in world.metrics()


@pytest.mark.parametrize(
    ("faulty", "said"),
    [
        ("no toml", ":1:4: Expected"),
        (route_table(THING, route("/x", to="nobody"), services={"nobody": None}), "'nobody'"),
        (THINGS.replace("registry://things", "registry://nowhere"), "no address for 'nowhere'"),
        (THINGS.replace("registry://things", f"app://{__name__}:never_starts"), "will not"),
        (THINGS.replace("registry://things", f"app://{__name__}:is_broken"), "ZeroDivision"),
    ],
    ids=["unreadable", "faulty", "without-address", "does-not-start", "cannot-be-made"],
)
async def test_an_invalid_table_is_reported_and_the_previous_one_serves(
    world: World, faulty: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    reloaded = await world.reload(faulty)

    assert reloaded.outcome is Outcome.FAULTY
    assert any(said in fault for fault in reloaded.errors)
    assert said in caplog.text
    assert (await world.http.get("/things/1")).status_code == 200
    assert 'gateway_reload_total{outcome="faulty"} 1.0' in world.metrics()
    assert (await world.reload(only_others(1))).outcome is Outcome.DONE


async def test_the_same_table_changes_nothing(world: World) -> None:
    before = world.gateway.snapshot

    assert (await world.reload(THINGS + "# but for this comment\n")).outcome is Outcome.UNCHANGED
    assert world.gateway.snapshot is before


async def test_an_old_table_is_let_go_once_its_last_stream_has_ended(world: World) -> None:
    end = asyncio.Event()
    world.things.answer = streaming(end)  # type: ignore[assignment]
    before = world.gateway.snapshot
    async with world.http.stream("GET", "/things/1") as stream:
        chunks = stream.aiter_bytes()
        assert await anext(chunks) == b"begun,"
        await world.reload(only_others(1))
        assert before.calls == 1
        assert before in world.gateway.retiring.values()
        end.set()
        assert b"".join([chunk async for chunk in chunks]) == b"ended"
    await until(lambda: before not in world.gateway.retiring.values())
    assert before.calls == 0


async def test_an_old_table_is_not_kept_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontispiece.gateway.edge.DRAIN_TIMEOUT", 0.0)
    end = asyncio.Event()
    world.things.answer = streaming(end)  # type: ignore[assignment]
    async with world.http.stream("GET", "/things/1") as stream:
        chunks = stream.aiter_bytes()
        assert await anext(chunks) == b"begun,"
        await world.reload(only_others(1))
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(chunks)
    end.set()


async def test_reloads_at_the_same_time_follow_each_other(world: World) -> None:
    texts = [with_others(number + 1) for number in range(10)]
    reloads = await asyncio.gather(*(world.reload(text) for text in texts))

    # The first read the last that was written.
    assert {reloaded.outcome for reloaded in reloads} == {Outcome.DONE, Outcome.UNCHANGED}
    assert world.gateway.snapshot.table == table.parse(texts[-1])


def never_starts() -> object:
    async def app(_scope: object, receive: object, send: object) -> None:
        await receive()  # type: ignore[operator]
        await send({"type": "lifespan.startup.failed", "message": "it will not"})  # type: ignore[operator]

    return app


def is_broken() -> object:
    return 1 / 0
