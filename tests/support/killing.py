"""Processes that are killed while they write."""

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
