"""Candidates under load in rounds, in turn, and the sums of their rounds."""

import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection

import msgspec

from bench import load
from bench.candidates import Candidate
from bench.checks import fault_of, sampling
from bench.processes import CANDIDATES as CORE
from bench.processes import Missing, cpu_seconds, listening
from bench.scenarios import Scenario
from bench.world import World
from frontispiece.server.child_process import ChildFailed

SAMPLED_EVERY = 0.25
"""Seconds between two answers that are looked at while a candidate is under load."""

SHORTEST = 0.98
"""The share of the bytes of right answers below which some answers were wrong."""

POLL_INTERVAL, MAX_POLLS = 0.15, 60
"""Seconds between two looks at whether a candidate still works off what it was asked, and how many looks."""

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """One candidate under load for some seconds; latencies in milliseconds."""

    rate: float
    p50: float
    p99: float
    cpu: float
    """Microseconds of the candidate's processor time for each request."""

    busy: float
    """The part of its core that it used."""

    errors: int


@dataclass(kw_only=True, slots=True)
class Measured:
    """What a candidate did in a scenario, in all rounds."""

    scenario: str
    candidate: Candidate
    rounds: list[Round] = field(default_factory=list)
    calls: int = 0
    """Upstream calls for a request, as counted by the upstream."""

    faults: list[str] = field(default_factory=list)
    """Wrong answers, why it could not be measured."""

    def median(self, figure: str) -> float:
        """The median of a figure over all rounds."""
        return statistics.median(float(getattr(one, figure)) for one in self.rounds)

    @property
    def errors(self) -> int:
        """Errors of all rounds: wrong answers, other statuses than 200, broken connections, timeouts."""
        return sum(one.errors for one in self.rounds) + len(self.faults)


@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """How long it is measured: so many rounds of so many seconds, after some to warm up."""

    rounds: int
    seconds: int
    warming: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A candidate that listens."""

    candidate: Candidate
    port: int
    pids: Sequence[int]


def measure(
    scenario: Scenario, candidates: Iterable[Candidate], world: World, effort: Effort, say: Say
) -> list[Measured]:
    """Every candidate in turn, for several rounds."""
    every = [Measured(scenario=scenario.name, candidate=candidate) for candidate in candidates]
    with ExitStack() as stack:
        running = []
        for measured in every:
            try:
                running.append((start(stack, measured.candidate, world, scenario.name), measured))
            except (Missing, ChildFailed) as fault:
                say(f"{measured.candidate.title}: {fault}")
                measured.faults.append(str(fault))
        for one, _ in running:
            _warm(one, scenario, world, effort)
        for number in range(effort.rounds):
            for one, measured in running:
                _round(one, measured, scenario, world, effort)
                say(f"{scenario.title}, round {number + 1}: {summary_of(measured)}")
    return every


def start(stack: ExitStack, candidate: Candidate, world: World, purpose: str) -> Running:
    """Start a candidate, for as long as the stack lasts.

    Raises:
        Missing: something that it needs is not installed.
        ChildFailed: it did not come to listen.
    """
    programs = candidate.programs(world)
    pids = []
    for number, program in enumerate(programs):
        log = world.folder / f"{purpose}-{candidate.name}-{number}.log"
        pids.append(stack.enter_context(listening(program, core=CORE, log=log)))
    return Running(candidate=candidate, port=programs[-1].port, pids=pids)


def _load(one: Running, scenario: Scenario, world: World) -> load.Load:
    paths = None
    if scenario.paths:
        paths = world.folder / "paths"
        paths.write_text("\n".join(scenario.paths) + "\n", encoding="utf-8")
    return load.Load(
        url=f"http://127.0.0.1:{one.port}{scenario.path}",
        headers=world.headers,
        connections=min(scenario.connections, one.candidate.max_connections),
        paths=paths,
    )


def _warm(one: Running, scenario: Scenario, world: World, effort: Effort) -> None:
    if fault_of(one.port, scenario.path, world.headers, scenario.expected) is None:
        load.run(_load(one, scenario, world), effort.warming)


def _round(one: Running, measured: Measured, scenario: Scenario, world: World, effort: Effort) -> None:
    """One round; a candidate that does not answer rightly is not put under load."""
    request = one.port, scenario.path, world.headers, scenario.expected
    called = settled(world)
    if fault := fault_of(*request):
        measured.faults.append(fault)
        return
    measured.calls = _calls(world) - called
    used = _used(one)
    with sampling(*request, every=SAMPLED_EVERY) as faults:
        summary = load.run(_load(one, scenario, world), effort.seconds)
        used = _used(one) - used
    measured.faults.extend(faults)
    measured.rounds.append(rated(summary, used, scenario.length))


def _used(one: Running) -> float:
    return sum(cpu_seconds(pid) for pid in one.pids)


def rated(summary: load.Summary, used: float, length: int) -> Round:
    """What a run of wrk comes to; `used` are seconds of processor time, `length` the answer's bytes."""
    seconds = summary.microseconds / 1e6
    whole = summary.bytes >= SHORTEST * length * summary.requests
    errors = summary.sockets + summary.statuses + summary.timeouts
    return Round(
        rate=summary.requests / seconds,
        p50=summary.p50 / 1000,
        p99=summary.p99 / 1000,
        cpu=used / summary.requests * 1e6 if summary.requests else math.inf,
        busy=used / seconds,
        errors=errors if whole else max(errors, summary.requests),
    )


def summary_of(measured: Measured) -> str:
    """The latest round in a line."""
    if not measured.rounds:
        return f"{measured.candidate.title}: {measured.faults[-1]}"
    last = measured.rounds[-1]
    return (
        f"{measured.candidate.title}: {last.rate:,.0f}/s, {last.cpu:,.0f} µs of its core each "
        f"({last.busy:.0%} busy), p50 {last.p50:.1f} ms, p99 {last.p99:.1f} ms, "
        f"{measured.calls} upstream calls, {measured.errors} errors"
    )


def settled(world: World) -> int:
    """How many requests the upstreams had, once candidates have stopped what nobody waits for any more."""
    before = _calls(world)
    for _ in range(MAX_POLLS):
        time.sleep(POLL_INTERVAL)
        now = _calls(world)
        if now == before:
            break
        before = now
    return before


def _calls(world: World) -> int:
    return _request_count(world.shop) + _request_count(world.lost)


def _request_count(port: int) -> int:
    """How many requests an upstream had until now."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/requests")
    count: int = msgspec.json.decode(connection.getresponse().read())["requests"]
    connection.close()
    return count
