"""The monkey: kills, suspends and restarts processes at instants that a seed decides."""

import asyncio
import os
import signal
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final


class Action(Enum):
    """What is done to a process."""

    KILL = "SIGKILL"
    SUSPEND = "SIGSTOP"
    RESTART = "SIGTERM"


WEIGHTS: Final = {Action.KILL: 6, Action.SUSPEND: 3, Action.RESTART: 1}

MAX_SUSPENSION: Final = 3.0
POLL_INTERVAL: Final = 0.02
"""Seconds."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is done.

    Args:
        at: seconds since the run's beginning.
        victim: the process, by the name of its app.
        action: what is done to it.
        lasts: seconds until a suspended process goes on.
    """

    at: float
    victim: str
    action: Action
    lasts: float = 0.0

    def __str__(self) -> str:
        lasts = f" for {self.lasts:.2f} s" if self.lasts else ""
        return f"{self.at:7.2f} s  {self.action.value} {self.victim}{lasts}"


def plan(
    seed: int,
    victims: Sequence[str],
    count: int,
    interval: float,
    actions: Collection[Action] = tuple(WEIGHTS),
) -> list[Fault]:
    """The faults of a run; the same arguments give the same faults.

    Args:
        seed: of the choice.
        victims: whom it may hit.
        count: how many there are.
        interval: seconds between two, on average.
        actions: what it may do to them.
    """
    weights = {action: WEIGHTS[action] for action in Action if action in actions}
    random = Random(seed)  # noqa: S311 (it must be replayed)
    faults, at = [], 0.0
    for _ in range(count):
        at += random.expovariate(1 / interval)
        victim = random.choice(victims)
        (action,) = random.choices(list(weights), list(weights.values()))
        lasts = random.uniform(0.1, MAX_SUSPENSION) if action is Action.SUSPEND else 0.0
        faults.append(Fault(at=at, victim=victim, action=action, lasts=lasts))
    return faults


class Monkey:
    """Carries a plan out.

    Args:
        faults: in their order.
        pid_of: the process of a victim; None while it does not run.
        is_gone: whether a victim will not run any more: it is left out.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        pid_of: Callable[[str], int | None],
        is_gone: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._faults = faults
        self._pid_of = pid_of
        self._is_gone = is_gone
        self.carried_out: list[Fault] = []

    async def run(self) -> None:
        """Do what is planned; at the end, and when cancelled, no process is suspended any more.

        A victim that does not run is hit as soon as it does.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with asyncio.TaskGroup() as suspensions:
            for fault in self._faults:
                await asyncio.sleep(max(0.0, begun + fault.at - loop.time()))
                while (pid := self._strike(fault)) is None and not self._is_gone(  # noqa: ASYNC110 (another thread starts it)
                    fault.victim
                ):
                    await asyncio.sleep(POLL_INTERVAL)
                if pid is not None and fault.action is Action.SUSPEND:
                    suspensions.create_task(_resume(pid, fault.lasts))

    def _strike(self, fault: Fault) -> int | None:
        """The process that was hit; None when the victim does not run."""
        if (pid := self._pid_of(fault.victim)) is None:
            return None
        try:
            os.kill(pid, getattr(signal, fault.action.value))
        except ProcessLookupError:  # it has just ended
            return None
        self.carried_out.append(fault)
        return pid


async def _resume(pid: int, delay: float) -> None:
    """Let a suspended process go on, after a delay or when cancelled."""
    try:
        await asyncio.sleep(delay)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
