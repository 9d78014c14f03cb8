"""A database inside the process, made of what others publish, and rebuilt while it serves.

The folder has `lock`, which one process at a time holds; a file for each time that the database was made; and
`current`, the name of the file that serves. A rebuild fills another file and then writes `current` anew, in
one step; what a rebuild left that was killed is deleted at the next start. A file that cannot be opened is
moved aside as `broken-N`, and the database begins anew.
"""

import asyncio
import fcntl
import logging
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final, Generic, Protocol, Self, TypeVar

from frontispiece.aio import end
from frontispiece.http.problems import Problem

log = logging.getLogger(__name__)

CURRENT: Final = "current"
LOCK: Final = "lock"
FIRST: Final = "database-0"
NAME: Final = re.compile(r"database-[0-9]{1,18}")

LOCK_INTERVAL: Final = 0.1
"""Seconds until the lock is tried again that another process holds, such as one that is stopping."""

OPEN_INTERVAL: Final = 5.0
"""Seconds until a file is tried again that cannot be opened."""


class EmbeddedDatabase(Protocol):
    """A database in a file; its methods block."""

    def close(self) -> None:
        """Write all to the file and let go of it."""


Database = TypeVar("Database", bound=EmbeddedDatabase)
Result = TypeVar("Result")
Write = Callable[[Callable[[Database], Result]], Awaitable[Result]]


class _Opened(Generic[Database]):
    """A database with a thread of its own, in which all its calls run, one after another.

    A query waits for one change at most, however many changes wait.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._thread = ThreadPoolExecutor(1, file.name)
        self._database: Database | None = None
        self._changing = asyncio.Lock()

    async def open(self, open_file: Callable[[Path], Database]) -> None:
        """Open the file; it is made when it is not there."""
        self._database = await asyncio.get_running_loop().run_in_executor(self._thread, open_file, self.file)

    async def run(self, work: Callable[[Database], Result]) -> Result:
        """The result of work with the database."""
        assert self._database is not None, "it is open"
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self._database)

    async def change(self, work: Callable[[Database], None]) -> None:
        """Make a change after those that were requested before."""
        async with self._changing:
            await self.run(work)

    async def close(self) -> None:
        """Finish what has begun and close the file."""
        if self._database is not None:
            await self.run(lambda database: database.close())
        await asyncio.to_thread(self._thread.shutdown)


class EmbeddedStore(Generic[Database]):
    """A folder with an embedded database; open it with `async with`.

    The file is opened in the background, since what opens it (a library of many megabytes, a log to be read
    again) may take longer than an app may take to start. Until then, calls fail with 503.

    Args:
        folder: of this store alone; made when it is not there.
        open_file: opens the database in a file, which it makes when it is not there.
    """

    def __init__(self, folder: Path, open_file: Callable[[Path], Database]) -> None:
        self._folder = folder
        self._open_file = open_file
        self._serving: _Opened[Database] | None = None
        self._building: _Opened[Database] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._lock: int | None = None
        self.is_complete = False
        """Whether a rebuild has ever filled the database; a new one has only what came since."""

    async def __aenter__(self) -> Self:
        """Begin to open the database."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._opening = asyncio.create_task(self._open())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close the database."""
        assert self._opening is not None
        await end(self._opening)
        if self._serving is not None:
            await self._serving.close()
        if self._lock is not None:
            os.close(self._lock)
        self._serving = self._lock = None

    async def opened(self) -> None:
        """Return when the database is open."""
        assert self._opening is not None
        await asyncio.shield(self._opening)

    async def ping(self) -> None:
        """Return when the database is open.

        Raises:
            Problem: 503 `store-unavailable`.
        """
        self._database()

    async def read(self, query: Callable[[Database], Result]) -> Result:
        """The result of a query.

        Raises:
            Problem: 503 `store-unavailable` while the database is not open.
        """
        return await self._database().run(query)

    async def write(self, change: Callable[[Database], None]) -> None:
        """Make a change that changes nothing when it is made again; in a database that is being built, too.

        Raises:
            Problem: 503 `store-unavailable` while the database is not open.
        """
        serving = self._database()
        databases = [serving] if self._building is None else [serving, self._building]
        await asyncio.gather(*(each.change(change) for each in databases))

    @asynccontextmanager
    async def rebuilding(self) -> AsyncIterator[Write[Database, None]]:
        """A new database, given as what makes changes in it: it serves from the end of the block on.

        It gets all changes that are made meanwhile. When the block fails, the old one stays. One rebuild runs
        at a time.
        """
        old = self._database()
        self._remove_all_but(old.file)
        new = _Opened[Database](self._next(old.file))
        try:
            await new.open(self._open_file)
            self._building = new
            yield new.change
            await asyncio.to_thread(self._point_to, new.file)
        except BaseException:
            self._building = None
            await new.close()
            raise
        self._serving, self._building, self.is_complete = new, None, True
        await old.close()
        self._remove_all_but(new.file)

    def _database(self) -> _Opened[Database]:
        if self._serving is None:
            detail = "The database is not open yet."
            raise Problem(503, "store-unavailable", detail, headers={"Retry-After": "1"})
        return self._serving

    async def _open(self) -> None:
        while self._serving is None:
            try:
                if self._lock is None:
                    self._lock = await self._acquire_lock()
                self._serving = await self._open_current()
            except Exception:  # whatever it is, an operator can act upon it: a full disk, missing rights
                log.exception("%s cannot be opened", self._folder)
                await asyncio.sleep(OPEN_INTERVAL)

    async def _open_current(self) -> _Opened[Database]:
        """The database that served last, or else a new one."""
        file = self._folder / self._current()
        is_there = (self._folder / CURRENT).exists() and file.exists() and file.stat().st_size > 0
        self._remove_all_but(file)
        try:
            database = await self._open_file_at(file)
        except Exception:  # each kind of database has its own; it may be the disk's fault, not the file's
            if not file.exists():
                raise
            database = await self._open_file_at(self._next(file))
            log.exception("%s cannot be opened: it is moved aside, and the database begins anew", file)
            self._move_aside(file)
        else:
            self.is_complete = is_there
        return database

    async def _open_file_at(self, file: Path) -> _Opened[Database]:
        database = _Opened[Database](file)
        try:
            await database.open(self._open_file)
        except BaseException:
            await database.close()
            raise
        return database

    def _current(self) -> str:
        """The name of the file that serves; of the first one when none is named."""
        with suppress(FileNotFoundError):
            name = (self._folder / CURRENT).read_text(encoding="utf-8", errors="replace").strip()
            if NAME.fullmatch(name):
                return name
            log.error("%s names no database: %r", self._folder / CURRENT, name)
        return FIRST

    def _next(self, file: Path) -> Path:
        """The next file name after this one that is not in use."""
        numbers = count(int(file.name.rpartition("-")[2]) + 1)
        files = (file.with_name(f"database-{number}") for number in numbers)
        return next(each for each in files if not self._files_of(each))

    def _files_of(self, file: Path) -> list[Path]:
        """The files of a database: others may lie beside its own, named after it."""
        return [
            each for each in file.parent.glob(f"{file.name}*") if each.name.partition(".")[0] == file.name
        ]

    def _move_aside(self, file: Path) -> None:
        """Keep a database for an operator to look at; one that was kept before goes."""
        for old in self._folder.glob("broken-*"):
            _remove(old)
        for each in self._files_of(file):
            each.rename(each.with_name(each.name.replace("database", "broken", 1)))

    async def _acquire_lock(self) -> int:
        lock, warned = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600), False
        try:
            while not _try_lock(lock):
                if not warned:
                    log.warning("%s is in use by another process", self._folder)
                    warned = True
                await asyncio.sleep(LOCK_INTERVAL)
        except BaseException:
            os.close(lock)
            raise
        return lock

    def _remove_all_but(self, file: Path) -> None:
        """Delete the files of other databases."""
        for other in self._folder.glob("database-*"):
            if other.name.partition(".")[0] != file.name:
                _remove(other)

    def _point_to(self, file: Path) -> None:
        """Write the name of a file to `current`, in one step that survives a crash."""
        new = self._folder / f"{CURRENT}.new"
        with new.open("w", encoding="utf-8") as text:
            text.write(file.name)
            text.flush()
            os.fsync(text.fileno())
        new.replace(self._folder / CURRENT)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _try_lock(lock: int) -> bool:
    """Take a lock; whether that was possible."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(path: Path) -> None:
    """Delete a file or a folder; what is left only takes space."""
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        log.exception("%s cannot be deleted", path)
