"""The measurement of overload, at a server that carries little: a short one."""

import asyncio

import pytest

from bench import overload
from bench.overload import measure
from frontispiece.http.asgi import App
from tests.support.serving import Serve
from tests.support.stub import Exchange, Stub, answering


def carrying(calls: int) -> App:
    """A server that carries so many calls at a time, 10 ms each, and refuses the others."""
    running = 0

    async def answer(exchange: Exchange) -> None:
        nonlocal running
        if running >= calls:
            await answering(503, b"later", (b"content-length", b"5"))(exchange)
            return
        running += 1
        await asyncio.sleep(0.01)
        running -= 1
        await answering(200, b"{}", (b"content-length", b"2"), (b"page-degraded", b"stock"))(exchange)

    stub = Stub(answer)
    stub.ready = None
    return stub


async def test_good_refused_and_degraded_answers_are_counted_apart(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overload, "LOADS", (0.5, 20.0))
    monkeypatch.setattr(overload, "DEADLINE", 60)
    monkeypatch.setattr(overload, "PATIENCE", 60)
    monkeypatch.setattr(overload, "CONNECTIONS", 2)
    monkeypatch.setattr(overload, "MANY_CONNECTIONS", 9)
    url = await serve(carrying(2))
    said: list[str] = []

    calm, overloaded, without_pause = await measure(int(url.rpartition(":")[2]), 0.3, said.append)

    assert calm.good
    assert calm.degraded == len(calm.good)
    assert overloaded.others["503"] == len(overloaded.refused) > 0
    assert overloaded.probes
    assert without_pause.others["503"] > 0
    assert [line.partition("  offered")[0].strip() for line in said[1:]] == [
        "0.5 x",
        "20.0 x",
        "9 connections",
    ]
