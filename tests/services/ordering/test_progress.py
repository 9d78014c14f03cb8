"""The progress of single orders, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest

from frontispiece.settings import TokenSettings
from services.ordering.progress import LogFollower, progress
from services.ordering.tables import fence
from tests.services.ordering.copy_of_ordering import Copy
from tests.services.ordering.orders import ORDER_ID
from tests.services.ordering.reading import CANCELLED, COMPLETED, Reading, order_id
from tests.support.serving import servers
from tests.support.waiting import until


async def test_an_event_that_this_version_cannot_read_does_not_keep_followers_of_other_orders_waiting(
    reading: Reading,
) -> None:
    """As beside a newer copy of ordering, or after a downgrade."""
    follower = LogFollower(reading.database, reading.events, fence)
    followed, newer = order_id(1), order_id(2)
    await reading.append(followed, 0, COMPLETED[:1])
    running = asyncio.create_task(follower.run())
    async with asyncio.timeout(60), aclosing(follower.follow(followed, 0)) as happening:
        assert (await anext(happening)).version == 1
        async with reading.database.write() as tx:
            events = reading.events.events
            await reading.events.append(tx, newer, 0, COMPLETED[:2])
            await tx.execute(events.update().where(events.c.order_id == newer).values(schema_version=99))
        await reading.append(followed, 1, COMPLETED[1:3])
        assert [(await anext(happening)).version for _ in range(2)] == [2, 3]
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize("projects", [True, False], ids=["the read model follows", "the read model is away"])
async def test_the_last_stage_is_sent_once_the_order_is_read_so_or_cannot_be_in_time(
    reading: Reading, *, projects: bool
) -> None:
    follower = LogFollower(reading.database, reading.events, fence)
    projected = partial(reading.projector.wait_for, timeout=15 if projects else 0.05)
    await reading.append(ORDER_ID, 0, COMPLETED)
    running = [asyncio.create_task(follower.run())]
    async with asyncio.timeout(60), aclosing(progress(follower, ORDER_ID, 0, 0, projected)) as stages:
        async for event in stages:
            if event.event == "payment-captured" and projects:
                assert await reading.store.order(ORDER_ID) is None
                running.append(asyncio.create_task(reading.projector.run()))
        found = await reading.store.order(ORDER_ID)
    assert event.event == "completed"
    assert (found is not None and found.stage == "completed") is projects
    for task in running:
        task.cancel()
    await asyncio.wait(running)


class Events:
    """A client of an order's progress, which reads one event after the other."""

    def __init__(self, response: httpx.Response) -> None:
        self._chunks = response.aiter_bytes()
        self._rest = b""

    async def __anext__(self) -> tuple[int, str, dict[str, Any]]:
        """The id, the type and the data of the next event."""
        while True:
            while b"\n\n" not in self._rest:
                self._rest += await anext(self._chunks)
            event, self._rest = self._rest.split(b"\n\n", 1)
            if event != b":":
                fields = dict(line.split(": ", 1) for line in event.decode().splitlines())
                return int(fields["id"]), fields["event"], msgspec.json.decode(fields["data"])

    def __aiter__(self) -> "Events":
        return self


@asynccontextmanager
async def followed(
    http: httpx.AsyncClient, last_event_id: int | None = None, id_: str = ORDER_ID
) -> AsyncIterator[Events]:
    headers = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
    async with http.stream("GET", f"/orders/{id_}/events", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Events(response)


async def test_progress_is_sent_as_it_happens_and_ends_with_the_last_stage(
    reading: Reading, copy: Copy, reader: dict[str, str]
) -> None:
    await reading.append(ORDER_ID, 0, COMPLETED[:3])
    async with (
        servers() as serve,
        httpx.AsyncClient(base_url=await serve(copy.app), headers=reader, timeout=20) as http,
        followed(http) as events,
    ):
        id_, stage, data = await anext(events)
        assert (id_, stage, data["status"], data["stage"]) == (1, "placed", "pending", "placed")
        assert (await anext(events))[:2] == (3, "stock-reserved")
        seen = []
        for version, event in enumerate(COMPLETED[3:], 3):
            await reading.append(ORDER_ID, version, [event])
        async for id_, stage, data in events:
            seen.append((id_, stage, data["status"]))
            if stage == "completed":
                break
        assert seen == [
            (5, "payment-authorised", "pending"),
            (6, "confirmed", "confirmed"),
            (10, "shipment-created", "confirmed"),
            (12, "payment-captured", "confirmed"),
            (13, "completed", "completed"),
        ]
        assert data["tracking_code"] == "TRACK-1"
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_progress_is_resumed_after_the_last_event_that_was_seen_and_over_when_all_were(
    reading: Reading, copy: Copy, reader: dict[str, str]
) -> None:
    await reading.append(ORDER_ID, 0, CANCELLED)
    async with (
        servers() as serve,
        httpx.AsyncClient(base_url=await serve(copy.app), headers=reader, timeout=20) as http,
    ):
        async with followed(http, last_event_id=3) as events:
            assert (await anext(events))[:2] == (6, "cancellation-started")
            id_, stage, data = await anext(events)
            assert (id_, stage, data["reason"]) == (9, "cancelled", "payment-declined")
        over = await http.get(f"/orders/{ORDER_ID}/events", headers={"Last-Event-ID": "9"})
        assert over.status_code == 204
        for wrong in ("x", "-1", "1" * 40, "3.0"):
            refused = await http.get(f"/orders/{ORDER_ID}/events", headers={"Last-Event-ID": wrong})
            assert refused.status_code == 422


async def test_progress_ends_with_the_order_though_the_client_names_an_event_that_is_not_there(
    reading: Reading, copy: Copy, reader: dict[str, str]
) -> None:
    await reading.append(ORDER_ID, 0, CANCELLED[:3])
    async with (
        servers() as serve,
        httpx.AsyncClient(base_url=await serve(copy.app), headers=reader, timeout=20) as http,
        followed(http, last_event_id=999) as events,
    ):
        await reading.append(ORDER_ID, 3, CANCELLED[3:])
        async with asyncio.timeout(60):
            with pytest.raises(StopAsyncIteration):
                await anext(events)


async def test_a_client_that_goes_away_leaves_nothing_behind(
    reading: Reading, copy: Copy, reader: dict[str, str]
) -> None:
    await reading.append(ORDER_ID, 0, COMPLETED[:1])
    async with servers() as serve:
        url = await serve(copy.app)
        async with (
            httpx.AsyncClient(base_url=url, headers=reader, timeout=20) as http,
            followed(http) as events,
        ):
            await anext(events)
            assert copy.follower.followed == 1
        await until(lambda: copy.follower.followed == 0)


async def test_progress_reaches_clients_of_every_copy(
    reading: Reading, token_settings: TokenSettings, reader: dict[str, str]
) -> None:
    other = reading.of_another_process()
    copies = [Copy(reading, token_settings), Copy(other, token_settings)]
    await reading.append(ORDER_ID, 0, COMPLETED[:1])
    async with other, servers() as serve:
        for copy in copies:
            async with (
                httpx.AsyncClient(base_url=await serve(copy.app), headers=reader, timeout=20) as http,
                followed(http) as events,
            ):
                assert (await anext(events))[1] == "placed"
                _, version = await reading.load(ORDER_ID)
                await reading.append(ORDER_ID, version, COMPLETED[version : version + 2])
                assert (await anext(events))[1] in {"stock-reserved", "payment-authorised"}
