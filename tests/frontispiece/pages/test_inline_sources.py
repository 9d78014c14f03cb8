"""Sources run in the stack of their page: no task of the event loop, no turn of it in between."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from inspect import Parameter, Signature
from typing import Any

import anyio
import pytest

from frontispiece.aio import InlineTask, Signal
from frontispiece.pages import Page
from frontispiece.pages.source_run import SourceRun
from frontispiece.upstream import Reply, Request
from tests.frontispiece.pages.conftest import AppOf
from tests.support.pages import page_of, reply_of
from tests.support.waiting import until

who: ContextVar[str] = ContextVar("who", default="nobody")


class Service:
    """What sources wait for: a response that a test sends."""

    def __init__(self) -> None:
        self.responses: list[Signal[str]] = []

    async def call(self) -> str:
        response: Signal[str] = Signal(loop=asyncio.get_running_loop())
        self.responses.append(response)
        return await response


@pytest.fixture
def service() -> Service:
    return Service()


def started(app_of: AppOf, *pages: Page, path: str = "/page") -> InlineTask[Reply]:
    """A request to the first page that has begun."""
    reply = reply_of(app_of(*pages), Request(method="GET", target=path))
    return InlineTask(reply, asyncio.get_running_loop())


def shown(task: InlineTask[Reply]) -> bytes:
    reply = task.result()
    assert isinstance(reply.body, bytes)
    return reply.body


def tasks_of_the_loop() -> list[str]:
    """The names of all tasks that the loop is asked for from now on."""
    names: list[str] = []

    def make(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        names.append(coroutine.__qualname__)
        return asyncio.Task(coroutine, loop=loop, **options)

    asyncio.get_running_loop().set_task_factory(make)
    return names


async def test_the_response_that_the_last_source_waits_for_finishes_the_page_in_its_own_stack(
    app_of: AppOf, service: Service
) -> None:
    async def left() -> str:
        return await service.call()

    async def right() -> str:
        return await service.call()

    async def last(left: str, right: str) -> str:
        return left + right + await service.call()

    tasks = tasks_of_the_loop()
    task = started(app_of, page_of(left, right, last))
    service.responses[1].set_result("b")
    service.responses[0].set_result("a")
    assert not task.done()
    service.responses[2].set_result("c")

    assert shown(task) == b'{"left":"a","right":"b","last":"abc"}'
    assert tasks == []


async def test_a_long_chain_of_sources_that_never_wait_does_not_exhaust_the_stack(app_of: AppOf) -> None:
    length = 400
    page = Page("/page", deadline=60.0)

    def declare(number: int) -> None:
        async def source(**needs: int) -> int:
            return sum(needs.values()) + 1

        needs = [f"s{number - 1}"] if number else []
        parameters = [Parameter(name, Parameter.KEYWORD_ONLY) for name in needs]
        source.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # what the planner reads
        source.__annotations__ = dict.fromkeys(needs, int)
        page.source(name=f"s{number}")(source)

    for number in range(length):
        declare(number)

    def view(**results: int) -> int:
        return results[f"s{length - 1}"]

    view.__signature__ = Signature([Parameter(f"s{length - 1}", Parameter.KEYWORD_ONLY)])  # type: ignore[attr-defined]
    view.__annotations__ = {f"s{length - 1}": int}
    page.view(view)

    assert shown(started(app_of, page)) == b"400"


async def in_asyncio_timeout(call: Callable[[], Awaitable[str]]) -> str:
    try:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()
    except TimeoutError:
        async with asyncio.timeout(30):
            return await call()
    return "never"


async def in_anyio_timeout(call: Callable[[], Awaitable[str]]) -> str:
    with anyio.move_on_after(0.01):
        await anyio.sleep_forever()
    with anyio.fail_after(30):
        return await call()


async def in_task_group(call: Callable[[], Awaitable[str]]) -> str:
    async def run() -> str:
        return await call()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(run())
    return task.result()


async def in_anyio_task_group(call: Callable[[], Awaitable[str]]) -> str:
    found: list[str] = []

    async def run() -> None:
        found.append(await call())

    async with anyio.create_task_group() as group:
        group.start_soon(run)
    return found[0]


async def in_asyncio_gather(call: Callable[[], Awaitable[str]]) -> str:
    return "".join(await asyncio.gather(call()))


async def in_wait_for(call: Callable[[], Awaitable[str]]) -> str:
    return await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(call())), 30)


@pytest.mark.parametrize(
    "way",
    [
        in_asyncio_timeout,
        in_anyio_timeout,
        in_task_group,
        in_anyio_task_group,
        in_asyncio_gather,
        in_wait_for,
    ],
)
async def test_a_source_may_wait_in_every_way_that_asyncio_and_anyio_have(
    app_of: AppOf, service: Service, way: Callable[[Callable[[], Awaitable[str]]], Awaitable[str]]
) -> None:
    async def thing() -> str:
        return await way(service.call)

    async def beside() -> str:
        return await service.call()

    task = started(app_of, page_of(thing, beside))
    async with asyncio.timeout(30):
        await until(lambda: len(service.responses) == 2)
        for response in service.responses:
            response.set_result("x")
        await task

    assert shown(task) == b'{"thing":"x","beside":"x"}'


async def test_a_page_that_has_ended_leaves_nothing_to_the_garbage_collector(
    app_of: AppOf, service: Service
) -> None:
    async def thing() -> str:
        return await service.call()

    async def later(thing: str) -> str:
        return thing

    def run_states() -> set[int]:
        return {id(each) for each in gc.get_objects() if isinstance(each, SourceRun | InlineTask)}

    app = app_of(page_of(thing, (later, {"timeout": 1})))
    gc.collect()
    before = run_states()
    gc.disable()
    try:
        task = InlineTask(reply_of(app, Request(method="GET", target="/page")), asyncio.get_running_loop())
        service.responses.pop().set_result("x")
        assert shown(task) == b'{"thing":"x","later":"x"}'
        del task
        assert run_states() <= before
    finally:
        gc.enable()
