"""An inline task runs in the stack of whoever starts or wakes it, and is a task for asyncio and anyio."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextvars import ContextVar, copy_context

import anyio
import pytest

from frontispiece.aio import InlineTask, Signal

number: ContextVar[int] = ContextVar("number", default=0)


async def value_of(awaited: Awaitable[int]) -> int:
    return await awaited


async def test_what_never_waits_is_over_at_once() -> None:
    loop = asyncio.get_running_loop()

    async def work() -> str:
        return "over"

    task = InlineTask(work(), loop)

    assert task.done()
    assert await task == "over"


async def test_a_signal_resumes_it_before_its_sender_goes_on() -> None:
    loop = asyncio.get_running_loop()
    signal: Signal[int] = Signal(loop=loop)
    task = InlineTask(value_of(signal), loop)
    assert not task.done()

    signal.set_result(3)

    assert task.result() == 3


async def test_a_signal_can_fail() -> None:
    loop = asyncio.get_running_loop()
    signal: Signal[int] = Signal(loop=loop)
    task = InlineTask(value_of(signal), loop)

    signal.set_exception(ValueError("no"))

    assert str(task.exception()) == "no"


async def test_an_ordinary_task_may_await_a_signal_and_an_inline_task() -> None:
    loop = asyncio.get_running_loop()
    signal: Signal[int] = Signal(loop=loop)
    ordinary = asyncio.create_task(value_of(signal))
    outer = asyncio.create_task(value_of(InlineTask(value_of(signal), loop)))
    await asyncio.sleep(0)

    signal.set_result(4)

    assert [await ordinary, await outer] == [4, 4]


async def test_it_may_await_what_a_task_may() -> None:
    loop = asyncio.get_running_loop()

    async def work() -> list[int]:
        await asyncio.sleep(0)
        async with asyncio.TaskGroup() as group:
            one = group.create_task(asyncio.sleep(0, 1))
        two = await asyncio.wait_for(asyncio.sleep(0, 2), 60)
        more = await asyncio.gather(asyncio.sleep(0, 3), value_of(asyncio.sleep(0, 4)))
        return [one.result(), two, *more]

    assert await InlineTask(work(), loop) == [1, 2, 3, 4]


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
    except* TimeoutError:
        raise TimeoutError from None


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


async def test_each_is_the_current_task_while_it_runs_also_within_another() -> None:
    loop = asyncio.get_running_loop()
    outside = asyncio.current_task()
    current: list[object] = []

    async def inner() -> None:
        current.append(asyncio.current_task())

    async def outer() -> InlineTask[None]:
        task = InlineTask(inner(), loop)
        current.append(asyncio.current_task())
        return task

    outer_task = InlineTask(outer(), loop)

    assert current == [outer_task.result(), outer_task]
    assert asyncio.current_task() is outside


async def test_its_context_is_a_copy() -> None:
    loop = asyncio.get_running_loop()
    signal: Signal[int] = Signal(loop=loop)

    async def work() -> int:
        number.set(number.get() + 1)
        await signal
        return number.get()

    tasks = [InlineTask(work(), loop) for _ in range(2)]
    signal.set_result(0)

    assert [await task for task in tasks] == [1, 1]
    assert number.get() == 0


async def test_it_runs_in_the_context_that_its_starter_names() -> None:
    context = copy_context()
    context.run(number.set, 7)
    signal: Signal[int] = Signal(loop=asyncio.get_running_loop())

    async def work() -> int:
        await signal
        return number.get()

    task = InlineTask(work(), asyncio.get_running_loop(), context=context)
    signal.set_result(0)

    assert (await task, number.get()) == (7, 0)


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
