"""The guard around a Valkey: bounded waiting, a pause after a failure."""

import asyncio
from pathlib import Path

import pytest

from frontispiece.cli.run.valkey import running_valkey
from frontispiece.server.sockets import address, bound
from frontispiece.stores import GuardedValkey, ValkeyUnavailable
from frontispiece.stores.valkey.guarded import FAILURE_PAUSE
from tests.support.clock import Clock


async def test_after_a_failure_no_command_is_sent_until_one_finds_that_valkey_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, sent = Clock(), 0
    link = tmp_path / "valkey.sock"

    async def ping() -> object:
        nonlocal sent
        sent += 1
        return await guarded.client.ping()

    async with GuardedValkey(f"unix://{link}", timeout=30.0, clock=clock) as guarded:
        for _ in range(3):
            with pytest.raises(ValkeyUnavailable):
                await guarded.run(ping)
        assert sent == 1, "nothing is sent after a failure"
        clock.now += FAILURE_PAUSE
        results = await asyncio.gather(*(guarded.run(ping) for _ in range(5)), return_exceptions=True)
        assert sent == 2, "then a single one"
        assert all(isinstance(result, ValkeyUnavailable) for result in results)
        assert caplog.text.count("does not answer") == 1

        with running_valkey(tmp_path) as url:
            link.symlink_to(url.removeprefix("unix://"))
            with pytest.raises(ValkeyUnavailable):
                await guarded.run(ping)
            clock.now += FAILURE_PAUSE
            assert [await guarded.run(ping) for _ in range(3)] == [True] * 3
            link.unlink()
        with pytest.raises(ValkeyUnavailable):
            await guarded.run(ping)


async def test_a_valkey_that_does_not_answer_in_time_is_unavailable() -> None:
    with bound() as sock:
        sock.listen()
        async with GuardedValkey(f"valkey://{address(sock)}", timeout=0.01) as guarded:
            with pytest.raises(ValkeyUnavailable):
                await guarded.run(guarded.client.ping)


async def test_a_command_that_is_refused_is_unavailable_and_pauses_no_other(
    valkey_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with GuardedValkey(valkey_url, timeout=30.0) as guarded:
        await guarded.run(lambda: guarded.client.set("text", "x"))
        with pytest.raises(ValkeyUnavailable):
            await guarded.run(lambda: guarded.client.execute_command("LPUSH", "text", "y"))  # type: ignore[no-untyped-call]

        assert await guarded.run(lambda: guarded.client.get("text")) == b"x"
    assert "Valkey refuses a command" in caplog.text
