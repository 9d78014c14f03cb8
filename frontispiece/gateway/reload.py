"""Live reload: a valid table replaces the one in force, an invalid one never does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from frontispiece.aio import end
from frontispiece.errors import ConfigError
from frontispiece.gateway.config.table import Table
from frontispiece.telemetry.metrics import Counter
from frontispiece.upstream import LifespanFailed

log = logging.getLogger(__name__)

POLL_INTERVAL: Final = 1.0
"""Seconds between two looks at the file."""

Wait = Callable[[float], Awaitable[None]]


class Outcome(StrEnum):
    """The result of a reload."""

    DONE = "done"
    UNCHANGED = "unchanged"
    FAULTY = "faulty"


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """The outcome of a reload, and why the table was refused."""

    outcome: Outcome
    errors: tuple[str, ...] = ()


class Reloader:
    """Reloads the table, one reload after the other.

    Args:
        load: reads and validates the table; raises `ConfigError`. Called in a thread.
        serve: puts a table into force; returns whether it differs from the previous one.
    """

    def __init__(self, load: Callable[[], Table], serve: Callable[[Table], Awaitable[bool]]) -> None:
        self.reloads = Counter("gateway_reload", "Reloads of the route table.", "outcome")
        self._load = load
        self._serve = serve
        self._lock = asyncio.Lock()
        self._scheduled: set[asyncio.Task[ReloadResult]] = set()
        self._started = asyncio.Event()
        self._closed = False
        self._was_faulty = False

    async def reload(self, why: str) -> ReloadResult:
        """Put the table as it is now into force, if it is valid."""
        await self._started.wait()
        async with self._lock:
            if self._closed:
                return ReloadResult(Outcome.FAULTY, ("the gateway stops",))
            result = await self._reload()
        self.reloads.add(result.outcome)
        if result.errors:
            log.error(
                "%s: the route table is invalid, the previous one stays in force:\n%s",
                why,
                "\n".join(result.errors),
            )
        else:
            level = logging.WARNING if self._was_faulty else logging.INFO  # seen by whoever saw the faults
            again = " and valid again" if self._was_faulty else ""
            log.log(level, "%s: the route table is %s%s", why, _MESSAGES[result.outcome], again)
        self._was_faulty = bool(result.errors)
        return result

    async def _reload(self) -> ReloadResult:
        try:
            changed = await self._serve(await asyncio.to_thread(self._load))
        except ConfigError as faulty:
            return ReloadResult(Outcome.FAULTY, tuple(faulty.errors))
        except LifespanFailed as fault:
            return ReloadResult(Outcome.FAULTY, (str(fault),))
        except Exception as bug:  # of ours, or of a mounted app: the previous table stays in force
            log.exception("the route table could not be served")
            return ReloadResult(Outcome.FAULTY, (f"the table cannot be served: {bug!r}",))
        return ReloadResult(Outcome.DONE if changed else Outcome.UNCHANGED)

    def reload_soon(self, why: str) -> None:
        """Start a reload without waiting for it, as a signal handler does."""
        task = asyncio.get_running_loop().create_task(self.reload(why))
        self._scheduled.add(task)
        task.add_done_callback(self._scheduled.discard)

    def begin(self) -> None:
        """Allow reloads: the first table is open. Reloads that were requested before have waited."""
        self._started.set()

    async def close(self) -> None:
        """Wait for a running reload, and refuse further ones."""
        async with self._lock:
            self._closed = True


_MESSAGES: Final = {Outcome.DONE: "reloaded", Outcome.UNCHANGED: "unchanged"}


class WatchedFile:
    """A file that is polled for changes since this was made."""

    def __init__(self, path: Path, wait: Wait = asyncio.sleep) -> None:
        self.path = path
        self._wait = wait
        self._of_files: Callable[[], object] = lambda: None
        self._known = self._signature()

    def watch_files(self, signature: Callable[[], object], known: object) -> None:
        """Poll the files, too, that the file names.

        Args:
            signature: differs between two versions of them; called in a thread.
            known: that of the version that is served.
        """
        self._of_files = signature
        self._known = self._known[0], known

    async def watch(self, changed: Callable[[], Awaitable[object]]) -> None:
        """Call `changed` once the file has changed and stayed the same: half a table may be valid, too."""
        seen = self._known
        while True:
            await self._wait(POLL_INTERVAL)
            now = await asyncio.to_thread(self._signature)
            if now == seen and now != self._known:
                self._known = now
                await changed()
            seen = now

    def _signature(self) -> tuple[object, object]:
        return _signature(self.path), self._of_files()


@asynccontextmanager
async def watching(reloader: Reloader, file: WatchedFile | None) -> AsyncIterator[None]:
    """Within, a change of the file or of those that it names reloads the table; at the end no reload runs."""
    reloader.begin()
    task = None
    if file is not None:
        why = f"{file.path} or files that it names have changed"
        task = asyncio.create_task(file.watch(lambda: reloader.reload(why)))
    try:
        yield
    finally:
        await reloader.close()
        if task is not None:
            await end(task)


def _signature(path: Path) -> tuple[int, ...] | None:
    """Differs between two versions of a file, wherever links lead; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_dev, found.st_size
