"""Buckets of orders that move from shard to shard, by a mover that is killed again and again."""

import asyncio
import itertools
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from frontispiece.shards import ShardMap, bucket_for
from frontispiece.shards.map import format_buckets
from tests.support.shop import ROOT

MOVER: Final = "mover"

NONE: Final = "No move is under way."
"""What `front shards resume` says when a move is at its end, or has not begun."""


class Mover:
    """`front shards`, each command in a process of its own; one that is killed is gone on with.

    Args:
        data: the shop's folder.
        buckets: that are moved from shard 0 to shard 1.
    """

    def __init__(self, data: Path, buckets: Collection[int]) -> None:
        self._data = data
        self._buckets = format_buckets(buckets)
        self._process: asyncio.subprocess.Process | None = None
        self._said = ""
        self.is_done = False

    @property
    def pid(self) -> int | None:
        """Of the process that moves just now; None until it has said what it has done."""
        process = self._process
        runs = process is not None and process.returncode is None
        return process.pid if process is not None and runs and self._said else None

    async def run(self, *, and_back: bool) -> None:
        """Move the buckets for good; before that, there and back."""
        there = "move", self._buckets, "--to", "1", "--no-follow"
        if and_back:
            await self._begin(*there)
            await self._end("back")
        await self._begin(*there)
        await self._end("complete")
        self.is_done = True

    async def _begin(self, *command: str) -> None:
        """Run a move until its target serves."""
        done, _ = await self._command(*command)
        while not done:
            done, said = await self._command("resume", "--no-follow")
            if NONE in said:
                done, _ = await self._command(*command)

    async def _end(self, *command: str) -> None:
        """Run a move to its end."""
        done, _ = await self._command(*command)
        while not done:
            resumed, said = await self._command("resume", "--no-follow")
            if NONE in said:
                return
            if resumed:  # it had not turned yet, or is at its end now
                done, said = await self._command(*command)
                done = done or NONE in said

    async def _command(self, *arguments: str) -> tuple[bool, str]:
        """Whether a command succeeded, and what it said."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "frontispiece.cli", "shards", *arguments, "--data", str(self._data)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._said = ""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._said += line.decode()
        return await self._process.wait() == 0, self._said


def customers_and_buckets(customers: int, moved: int) -> tuple[list[str], frozenset[int]]:
    """Names of customers, and so many buckets of shard 0, which have the customers if there are any."""
    names: list[str] = []
    numbers = itertools.count()
    while len(names) < customers:
        name = f"customer{next(numbers)}"
        if not moved or bucket_for(name) in ShardMap.even("01").buckets_of("0"):
            names.append(name)
    theirs = {bucket_for(name) for name in names}
    others = itertools.islice((bucket for bucket in itertools.count() if bucket not in theirs), moved)
    return names, frozenset([*theirs, *others][:moved])
