"""Processes below another one, and such as are killed while they write."""

import subprocess
import sys

from tests.support.shop import ROOT


def killed_after(lines: int, module: str, *arguments: str) -> int:
    """Run a module that prints numbers, kill it after so many, and return the last that it printed."""
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    rest = process.communicate()[0].splitlines(keepends=True)
    return int(next(line for line in reversed([*printed, *rest]) if line.endswith("\n")))


def children(pid: int) -> set[int]:
    """Every process below this one."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    parents = {int(child): int(parent) for child, parent in pairs}
    below: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in below | {pid}} - below:
        below |= more
    return below
