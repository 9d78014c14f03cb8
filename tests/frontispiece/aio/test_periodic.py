"""Periodic work: it goes on whatever happens to one time of it, and ends with its block."""

import asyncio
import logging
from importlib import import_module

import pytest

from frontispiece.aio import periodic


async def test_work_is_repeated_until_the_end_of_the_block_though_it_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = [KeyError("a"), ZeroDivisionError()]
    times = 0
    enough = asyncio.Event()

    async def work() -> None:
        nonlocal times
        times += 1
        if failures:
            raise failures.pop(0)
        enough.set()

    async with asyncio.timeout(60):
        async with periodic(work, 0, name="cleaning up", expected=(KeyError,)):
            await enough.wait()
        before = times
        await asyncio.sleep(0)

    assert times == before
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "cleaning up failed: 'a'"),
        (logging.ERROR, "cleaning up failed"),
    ]


async def test_work_that_runs_at_the_end_of_the_block_is_cancelled() -> None:
    begun, cancelled = asyncio.Event(), False

    async def work() -> None:
        nonlocal cancelled
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled = True
            raise

    async with asyncio.timeout(60), periodic(work, 0, name="cleaning up"):
        await begun.wait()

    assert cancelled


async def test_work_that_swallows_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("frontispiece.aio.periodic"), "CANCEL_INTERVAL", 0.01)
    begun, swallowed = asyncio.Event(), 0

    async def work() -> None:
        nonlocal swallowed
        while True:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if swallowed == 2:
                    raise
                swallowed += 1

    async with asyncio.timeout(60), periodic(work, 0, name="cleaning up"):
        await begun.wait()

    assert swallowed == 2
