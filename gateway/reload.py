"""Live reload: a table that is in order takes the place of the one that serves; a faulty one never does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from gateway.table import Table
from gateway.upstream import LifespanFailed
from kit.faults import Faulty
from kit.metrics import Counter

log = logging.getLogger(__name__)

LOOKS_EVERY: Final = 1.0
"""Seconds between two looks at the file."""

Wait = Callable[[float], Awaitable[None]]


class Outcome(StrEnum):
    """What became of a reload."""

    DONE = "done"
    UNCHANGED = "unchanged"
    FAULTY = "faulty"


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What became of a reload, and every fault that kept the table from serving."""

    outcome: Outcome
    faults: tuple[str, ...] = ()


class Reloader:
    """Reads the table anew and has it served, one reload after the other.

    Args:
        load: reads and checks the table; raises `Faulty`. Called in a thread.
        serve: has it served from now on; whether that changes anything.
    """

    def __init__(self, load: Callable[[], Table], serve: Callable[[Table], Awaitable[bool]]) -> None:
        self.counted = Counter("gateway_reload", "Reloads of the route table.", "outcome")
        self._load = load
        self._serve = serve
        self._turn = asyncio.Lock()
        self._soon: set[asyncio.Task[Reloaded]] = set()
        self._begun = asyncio.Event()
        self._closed = False

    async def reload(self, why: str) -> Reloaded:
        """Serve the table as it is now, if it is in order; else go on with the one that serves."""
        await self._begun.wait()
        async with self._turn:
            if self._closed:
                return Reloaded(Outcome.FAULTY, ("the gateway stops",))
            reloaded = await self._reload()
        self.counted.add(reloaded.outcome)
        if reloaded.faults:
            log.error(
                "%s: the route table is faulty, and the one before goes on to serve:\n%s",
                why,
                "\n".join(reloaded.faults),
            )
        else:
            log.info("%s: the route table is %s", why, _SAID[reloaded.outcome])
        return reloaded

    async def _reload(self) -> Reloaded:
        try:
            changed = await self._serve(await asyncio.to_thread(self._load))
        except Faulty as faulty:
            return Reloaded(Outcome.FAULTY, tuple(faulty.faults))
        except LifespanFailed as fault:
            return Reloaded(Outcome.FAULTY, (str(fault),))
        except Exception as bug:  # of ours, or of a mounted app: no reason to stop what serves
            log.exception("the route table could not be served")
            return Reloaded(Outcome.FAULTY, (f"the table cannot be served: {bug!r}",))
        return Reloaded(Outcome.DONE if changed else Outcome.UNCHANGED)

    def reload_soon(self, why: str) -> None:
        """The same for who cannot wait, such as a signal's handler."""
        task = asyncio.get_running_loop().create_task(self.reload(why))
        self._soon.add(task)
        task.add_done_callback(self._soon.discard)

    def begin(self) -> None:
        """Reload from now on: the first table is open. Until then, whoever asks for it waits."""
        self._begun.set()

    async def close(self) -> None:
        """Return when no reload is under way, and let none begin."""
        async with self._turn:
            self._closed = True


_SAID: Final = {Outcome.DONE: "served as it is now", Outcome.UNCHANGED: "what it was"}


class WatchedFile:
    """A file that is looked at every so often; as it is when this is made, its maker reads it."""

    def __init__(self, path: Path, wait: Wait = asyncio.sleep) -> None:
        self.path = path
        self._wait = wait
        self._known = _signature(path)

    async def watch(self, changed: Callable[[], Awaitable[object]]) -> None:
        """Tell when it has changed and then stayed the same: half a table may be a table."""
        seen = self._known
        while True:
            await self._wait(LOOKS_EVERY)
            now = _signature(self.path)
            if now == seen and now != self._known:
                self._known = now
                await changed()
            seen = now


@asynccontextmanager
async def watching(reloader: Reloader, file: WatchedFile | None) -> AsyncIterator[None]:
    """Within, a change of the file is a reload; at the end none is under way any more."""
    reloader.begin()
    task = None
    if file is not None:
        why = f"{file.path} has changed"
        task = asyncio.create_task(file.watch(lambda: reloader.reload(why)))
    try:
        yield
    finally:
        await reloader.close()
        if task is not None:
            task.cancel()
            await asyncio.wait([task])


def _signature(path: Path) -> tuple[int, ...] | None:
    """What differs between two versions of a file, wherever links lead; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_dev, found.st_size
