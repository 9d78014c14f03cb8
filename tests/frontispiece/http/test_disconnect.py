"""Two ways in which the work on a request is cut short, alone and in the same moment as others."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from frontispiece.http.asgi import cancel_on_disconnect

Work = Callable[[], Coroutine[Any, Any, None]]


class Client:
    """Somebody who waits for an answer until they leave."""

    def __init__(self) -> None:
        self.watched = asyncio.Event()
        self.leaves = asyncio.Event()

    async def left(self) -> None:
        """Return when they have left."""
        self.watched.set()
        await self.leaves.wait()


@pytest.fixture
async def client() -> Client:
    return Client()


async def hang() -> None:
    await asyncio.Future[None]()


async def swallow() -> None:
    try:
        await hang()
    except asyncio.CancelledError:
        return


async def fail() -> None:
    try:
        await hang()
    except asyncio.CancelledError:
        raise KeyError("a bug") from None


def serving(client: Client, work: Work) -> asyncio.Task[int]:
    """Do the work, and tell how many still want the task to end that did it."""

    async def serve() -> int:
        task = asyncio.current_task()
        assert task is not None
        with suppress(KeyError):
            await cancel_on_disconnect(work(), client.left)
        return task.cancelling()

    return asyncio.create_task(serve())


@pytest.mark.parametrize("work", [hang, swallow, fail])
async def test_when_the_client_leaves_the_work_ends_and_nothing_of_it_is_left(
    client: Client, work: Work
) -> None:
    task = serving(client, work)
    await client.watched.wait()
    client.leaves.set()

    assert await asyncio.wait_for(task, 30) == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancellation_ends_the_task_though_the_client_stays(client: Client) -> None:
    task = serving(client, hang)
    await client.watched.wait()
    task.cancel()

    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_cancellation_ends_the_task_though_the_client_leaves_in_the_same_moment(
    client: Client,
) -> None:
    async def end_when_left() -> None:
        await client.leaves.wait()
        task.cancel()

    task = serving(client, hang)
    await client.watched.wait()
    ending = asyncio.create_task(end_when_left())
    await asyncio.sleep(0)
    client.leaves.set()

    await asyncio.wait([task, ending])
    assert task.cancelled()


async def test_work_that_is_done_when_the_client_leaves_is_done(client: Client) -> None:
    done = asyncio.Event()

    async def work() -> None:
        await client.watched.wait()
        client.leaves.set()
        done.set()

    assert await asyncio.wait_for(serving(client, work), 30) == 0
    assert done.is_set()
