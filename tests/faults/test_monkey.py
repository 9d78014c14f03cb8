"""The monkey does what its seed says, and leaves no process suspended."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.monkey import Action, Fault, Monkey, plan
from tests.support.waiting import until

VICTIMS = ["ordering", "payment", "NATS"]


@asynccontextmanager
async def process() -> AsyncIterator[Process]:
    running = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


def state(process: Process) -> str:
    """`S` while it sleeps, `T` while it is suspended (proc(5))."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_seed_replays_victims_actions_and_instants() -> None:
    assert plan(7, VICTIMS, 50, 1.0) == plan(7, VICTIMS, 50, 1.0)
    assert plan(7, VICTIMS, 50, 1.0) != plan(8, VICTIMS, 50, 1.0)


def test_a_plan_hits_everyone_in_every_way_at_the_rate_that_was_asked_for() -> None:
    faults = plan(7, VICTIMS, 200, 0.5)

    assert {(fault.victim, fault.action) for fault in faults} == {(v, a) for v in VICTIMS for a in Action}
    assert 80 < faults[-1].at < 120
    assert sorted(faults, key=lambda fault: fault.at) == faults
    assert {fault.action for fault in plan(7, VICTIMS, 50, 0.5, [Action.KILL])} == {Action.KILL}


@pytest.mark.parametrize("action", [Action.KILL, Action.RESTART])
async def test_a_victim_is_ended(action: Action) -> None:
    async with process() as victim:
        fault = Fault(at=0.0, victim="ordering", action=action)
        monkey = Monkey([fault], {"ordering": victim.pid}.get)

        await monkey.run()

        assert await victim.wait() == -getattr(signal, action.value)
        assert monkey.carried_out == [fault]


async def test_a_victim_is_suspended_and_goes_on_also_when_the_run_is_cancelled() -> None:
    async with process() as victim:
        fault = Fault(at=0.0, victim="ordering", action=Action.SUSPEND, lasts=60)
        running = asyncio.create_task(Monkey([fault], {"ordering": victim.pid}.get).run())
        await until(lambda: state(victim) == "T")

        running.cancel()

        await until(lambda: state(victim) == "S")


async def test_a_victim_that_does_not_run_is_hit_as_soon_as_it_does() -> None:
    async with process() as victim:
        fault = Fault(at=0.0, victim="ordering", action=Action.KILL)
        pids = iter([None, None, victim.pid])
        monkey = Monkey([fault], lambda _: next(pids))

        await monkey.run()

        assert await victim.wait() == -signal.SIGKILL
        assert monkey.carried_out == [fault]
