"""Whatever sources do, and in whatever order: each load gets its own, and calls are as few as can be."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontispiece.pages import Cache, Hedge, Page, gather
from frontispiece.upstream import Request
from tests.frontispiece.pages.conftest import AppOf
from tests.support.loads import Books, Shelf, add, in_asyncio_gather, in_task_group, show_all, ticks, turn
from tests.support.pages import reply_of

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]

Many = Callable[[Iterable[Awaitable[Any]]], Awaitable[list[Any]]]


async def one_by_one(work: Iterable[Awaitable[Any]]) -> list[Any]:
    return [await each for each in work]


AT_ONCE: list[Many] = [gather, in_asyncio_gather, in_task_group]
POLICIES: list[dict[str, Any]] = [{}, {}, {"cache": Cache(ttl=0)}, {"hedge": Hedge(after=5)}]


@dataclass(frozen=True)
class Level:
    """What a source does before it goes on: after some ticks it loads so many keys, in one of the ways."""

    skew: int
    loads: int
    many: Many


@dataclass(frozen=True)
class Doing:
    """A source: the sources it needs, and its steps; a number is so many turns that it waits for I/O."""

    needs: frozenset[int]
    policy: dict[str, Any]
    steps: list[Level | int]


levels = st.builds(
    Level, skew=st.integers(0, 10), loads=st.integers(1, 4), many=st.sampled_from([*AT_ONCE, one_by_one])
)
at_once = st.builds(Level, skew=st.integers(0, 10), loads=st.integers(1, 4), many=st.sampled_from(AT_ONCE))


@st.composite
def graphs(draw: st.DrawFn) -> list[Doing]:
    """Up to six sources, of which each may need some of those before it."""
    steps = st.lists(levels | st.integers(1, 5), max_size=4)
    return [
        Doing(
            draw(st.frozensets(st.integers(0, number - 1), max_size=2)) if number else frozenset(),
            draw(st.sampled_from(POLICIES)),
            draw(steps),
        )
        for number in range(draw(st.integers(1, 6)))
    ]


def page_of(sources: Sequence[Doing], key_of: Callable[[int, int, int], str]) -> Page:
    """A page of such sources; `key_of(source, step, load)` is what each of their loads asks for."""
    page = Page("/page", deadline=20.0)

    def declare(number: int, doing: Doing) -> None:
        async def work(books: Books, *_needs: Any) -> list[str]:
            found: list[str] = []
            for at, step in enumerate(doing.steps):
                if isinstance(step, int):
                    for _ in range(step):
                        await turn()
                else:
                    await ticks(step.skew)
                    keys = [key_of(number, at, load) for load in range(step.loads)]
                    answers = await step.many(books.title(key) for key in keys)
                    assert answers == [f"title of {key}" for key in keys]
                    found += answers
            return found

        add(page, f"s{number}", work, *(f"s{need}" for need in sorted(doing.needs)), **doing.policy)

    for number, doing in enumerate(sources):
        declare(number, doing)
    show_all(page)
    return page


def shown(app_of: AppOf, page: Page, shelf: Shelf, loop: Callable[[], asyncio.AbstractEventLoop]) -> Any:
    """What the client sees, within 5 seconds."""

    async def ask() -> Any:
        async with asyncio.timeout(30):
            app = app_of(page, providers=shelf.providers)
            reply = await reply_of(app, Request(method="GET", target="/page"))
        assert reply.status == 200
        assert isinstance(reply.body, bytes)
        return msgspec.json.decode(reply.body)

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(ask())


random = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("loop", LOOPS)
@given(sources=graphs(), keys=st.integers(1, 12), turns=st.integers(1, 5))
@random
def test_every_load_gets_the_value_of_its_key_and_no_key_is_fetched_twice(
    app_of: AppOf, loop: Any, sources: list[Doing], keys: int, turns: int
) -> None:
    async def answer(requested: Sequence[str]) -> Mapping[str, Any]:
        for _ in range(turns):
            await turn()
        return {key: f"title of {key}" for key in requested}

    def key_of(number: int, at: int, load: int) -> str:
        # what is kept for everybody is loaded by a client of its own
        return f"{(number * 7 + at * 3 + load) % keys} {'cache' in sources[number].policy}"

    shelf = Shelf(answer)
    page = page_of(sources, key_of)

    found = shown(app_of, page, shelf, loop)

    requested = [key for call in shelf.calls for key in call]
    assert len(requested) == len(set(requested))
    assert set(requested) == {title.removeprefix("title of ") for each in found.values() for title in each}


@pytest.mark.parametrize("loop", LOOPS)
@given(sources=st.lists(st.lists(at_once, max_size=4), min_size=1, max_size=6))
@random
def test_what_independent_sources_load_on_one_level_is_one_call(
    app_of: AppOf, loop: Any, sources: list[list[Level]]
) -> None:
    shelf = Shelf()
    doing = [Doing(frozenset(), {}, list(steps)) for steps in sources]

    shown(app_of, page_of(doing, lambda number, at, load: f"{at} {number} {load}"), shelf, loop)

    assert [sorted(call) for call in shelf.calls] == [
        sorted(
            f"{at} {number} {load}"
            for number, steps in enumerate(sources)
            if at < len(steps)
            for load in range(steps[at].loads)
        )
        for at in range(max(len(steps) for steps in sources))
    ]
