"""An inline task runs in the stack of whoever starts or wakes it, and is a task for asyncio and anyio."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextvars import ContextVar

import anyio
import pytest

from frontispiece.aio import InlineTask, Signal

number: ContextVar[int] = ContextVar("number", default=0)


async def value_of(awaited: Awaitable[int]) -> int:
    return await awaited


async def test_a_signal_resumes_it_before_its_sender_goes_on() -> None:
    loop = asyncio.get_running_loop()
    signal: Signal[int] = Signal(loop=loop)
    task = InlineTask(value_of(signal), loop)
    assert not task.done()

    signal.set_result(3)

    assert task.result() == 3


async def _asyncio_timeout() -> None:
    async with asyncio.timeout(0.001):
        await asyncio.Event().wait()


async def _anyio_timeout() -> None:
    with anyio.fail_after(0.001):
        await anyio.sleep_forever()


async def _failing_group() -> None:
    async def fail() -> None:
        raise TimeoutError

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await asyncio.Event().wait()
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


@pytest.mark.parametrize("work", [_asyncio_timeout, _anyio_timeout, _failing_group])
async def test_what_cancels_the_current_task_works_in_it(work: Callable[[], Awaitable[None]]) -> None:
    async def run() -> int:
        with pytest.raises(TimeoutError):
            await work()
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert await InlineTask(run(), asyncio.get_running_loop()) == 0


@pytest.mark.parametrize("awaited", [asyncio.Future, Signal])
async def test_cancelling_it_raises_where_it_waits(awaited: type[asyncio.Future[int]]) -> None:
    loop = asyncio.get_running_loop()
    seen: list[str] = []

    async def work() -> None:
        try:
            await awaited(loop=loop)
        finally:
            seen.append("cleaned up")

    task = InlineTask(work(), loop)

    assert task.cancel()
    assert seen == []
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cleaned up"]
    assert not task.cancel()


async def test_one_that_cancels_itself_is_cancelled_at_its_next_wait() -> None:
    loop = asyncio.get_running_loop()

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await Signal(loop=loop)

    with pytest.raises(asyncio.CancelledError):
        await InlineTask(work(), loop)


async def test_its_end_is_reported_in_the_stack_of_its_last_step_and_in_its_context() -> None:
    loop = asyncio.get_running_loop()
    ended: list[tuple[InlineTask[int], int]] = []
    signal: Signal[int] = Signal(loop=loop)

    async def work() -> int:
        number.set(5)
        return await signal

    task = InlineTask(work(), loop, lambda task: ended.append((task, number.get())))
    assert ended == []

    signal.set_result(1)

    assert ended == [(task, 5)]


async def test_what_no_task_can_await_is_an_error_in_it() -> None:
    class Odd:
        def __await__(self) -> Generator[int, None, int]:
            yield 3
            return 3

    with pytest.raises(RuntimeError, match="cannot wait for"):
        await InlineTask(value_of(Odd()), asyncio.get_running_loop())
