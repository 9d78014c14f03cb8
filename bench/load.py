"""One run of the load generator wrk, and its report."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.processes import REST, pinned, tool

SCRIPT = Path(__file__).with_name("wrk.lua")
TIMEOUT = 60
"""Seconds after which wrk gives an answer up: far beyond what any candidate needs at its slowest."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What `wrk.lua` reports."""

    requests: int
    microseconds: int
    bytes: int
    p50: int
    p99: int
    sockets: int
    statuses: int
    timeouts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """The requests of a run.

    Args:
        url: where.
        headers: sent with every request.
        connections: so many requests are under way at any time.
        paths: a file with paths that are asked for in turn, instead of the one in `url`.
    """

    url: str
    headers: Mapping[str, str]
    connections: int
    paths: Path | None = None


def run(load: Load, seconds: float) -> Summary:
    """Load a candidate for some seconds."""
    command = [tool("wrk", "wrk"), "--threads", "1", "--connections", str(load.connections)]
    command += [
        "--duration",
        f"{max(1, round(seconds))}s",
        "--timeout",
        f"{TIMEOUT}s",
        "--script",
        str(SCRIPT),
    ]
    command += [
        argument for name, value in load.headers.items() for argument in ("--header", f"{name}: {value}")
    ]
    command += [load.url, "--", *([str(load.paths)] if load.paths else [])]
    done = subprocess.run(  # noqa: S603 (wrk, with arguments of ours)
        pinned(REST, command), capture_output=True, text=True, check=True
    )
    return summary(done.stdout)


def summary(output: str) -> Summary:
    """The report at the end of what wrk prints.

    Raises:
        ValueError: there is none.
    """
    last = output.strip().rpartition("\n")[2]
    try:
        return msgspec.json.decode(last, type=Summary)
    except msgspec.MsgspecError as fault:
        raise ValueError(f"wrk printed no report but {output[-500:]!r}") from fault
