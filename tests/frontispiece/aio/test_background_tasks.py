"""Background tasks: what is logged of a failure, and how they end."""

import asyncio
import logging

import pytest

from frontispiece.aio import BackgroundTasks


async def fail(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "name", "logged"),
    [
        (KeyError("a"), "cleaning up", [(logging.WARNING, "cleaning up failed: 'a'")]),
        (KeyError("a"), None, []),
        (ZeroDivisionError(), "cleaning up", [(logging.ERROR, "cleaning up failed")]),
        (ZeroDivisionError(), None, [(logging.ERROR, "a background task failed")]),
    ],
)
async def test_bugs_are_logged_as_errors_and_expected_failures_only_of_tasks_with_a_name(
    caplog: pytest.LogCaptureFixture, error: Exception, name: str | None, logged: list[tuple[int, str]]
) -> None:
    async with BackgroundTasks(expected=(KeyError,)) as tasks:
        tasks.start(fail(error), name)

    assert [(record.levelno, record.getMessage()) for record in caplog.records] == logged


async def test_the_end_waits_for_tasks_and_for_those_that_they_start() -> None:
    done: list[int] = []

    async def work(depth: int) -> None:
        await asyncio.sleep(0)
        if depth:
            tasks.start(work(depth - 1))
        done.append(depth)

    async with BackgroundTasks() as tasks:
        tasks.start(work(2))

    assert done == [2, 1, 0]


async def test_what_is_late_is_cancelled() -> None:
    async with asyncio.timeout(60), BackgroundTasks(shutdown_timeout=0.01) as tasks:
        task = tasks.start(asyncio.Event().wait())

    assert task.cancelled()


async def test_a_set_is_full_at_its_limit() -> None:
    async with BackgroundTasks(limit=2, shutdown_timeout=0) as tasks:
        full = [tasks.is_full]
        for _ in range(2):
            tasks.start(asyncio.Event().wait())
            full.append(tasks.is_full)

    assert full == [False, False, True]
