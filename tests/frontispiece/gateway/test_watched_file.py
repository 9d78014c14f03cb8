"""The table's file is watched: a change is served once it is whole."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from frontispiece.gateway.config.table import Table, parse
from frontispiece.gateway.reload import Outcome, Reloader, WatchedFile, watching
from tests.support.tables import route, route_table

TABLE = route_table(route("%s", to="a"), services={"a": "http://127.0.0.1:1"})


class Looks:
    """The time between two looks at a file, which passes when the test says so."""

    def __init__(self) -> None:
        self._asked = asyncio.Semaphore(0)
        self._passed = asyncio.Semaphore(0)

    async def wait(self, _seconds: float) -> None:
        self._asked.release()
        await self._passed.acquire()

    async def pass_(self) -> None:
        """Return when it has been looked once more, and all that follows from it is done."""
        await self._asked.acquire()
        self._passed.release()
        await self._asked.acquire()
        self._asked.release()


class Watched:
    """A file that is watched, and how often it was found changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.looks = Looks()
        self.changes = 0
        self.file = WatchedFile(path, self.looks.wait)

    async def changed(self) -> None:
        self.changes += 1


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    path = tmp_path / "routes.toml"
    path.write_text("one")
    watched = Watched(path)
    task = asyncio.create_task(watched.file.watch(watched.changed))
    yield watched
    task.cancel()
    await asyncio.wait([task])


async def test_a_change_is_reported_once_the_file_is_stable(watched: Watched) -> None:
    watched.path.write_text("half")
    await watched.looks.pass_()
    assert watched.changes == 0
    watched.path.write_text("the whole")
    await watched.looks.pass_()
    assert watched.changes == 0
    for _ in range(3):
        await watched.looks.pass_()
    assert watched.changes == 1


def put_another_in_its_place(path: Path) -> None:
    """A file of the same size and time."""
    before = path.stat()
    other = path.with_name("other")
    other.write_text("two")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def lead_a_link_elsewhere(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("other")
    path.unlink()
    path.symlink_to(other)


@pytest.mark.parametrize("change", [put_another_in_its_place, lead_a_link_elsewhere])
async def test_another_file_at_the_path_is_a_change(watched: Watched, change: Callable[[Path], None]) -> None:
    change(watched.path)
    for _ in range(2):
        await watched.looks.pass_()

    assert watched.changes == 1


async def test_a_file_that_vanishes_and_comes_back_is_reported_twice(watched: Watched) -> None:
    watched.path.unlink()
    for _ in range(2):
        await watched.looks.pass_()
    assert watched.changes == 1
    watched.path.write_text("back")
    for _ in range(2):
        await watched.looks.pass_()
    assert watched.changes == 2


async def test_a_change_of_files_that_it_names_is_reported_like_one_of_its_own(watched: Watched) -> None:
    client = watched.path.with_name("main.js")
    client.write_text("one")
    watched.file.watch_files(client.read_text, "one")
    for _ in range(3):
        await watched.looks.pass_()
    assert watched.changes == 0
    client.write_text("two")
    for _ in range(3):
        await watched.looks.pass_()
    assert watched.changes == 1


async def test_what_is_written_before_the_watch_begins_is_seen_by_it(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    path.write_text(TABLE % "/one")
    watched = Watched(path)
    path.write_text(TABLE % "/two, and longer")
    served: list[Table] = []

    async def serve(table: Table) -> bool:
        served.append(table)
        return True

    reloader = Reloader(lambda: parse(path.read_text().replace(", and longer", "")), serve)
    async with watching(reloader, watched.file):
        for _ in range(2):
            await watched.looks.pass_()

    assert [table.routes[0].path for table in served] == ["/two"]
    assert (await reloader.reload("too late")).errors == ("the gateway stops",)


async def test_a_call_before_the_first_table_is_open_waits_until_it_is() -> None:
    opened: list[str] = []

    async def serve(_table: Table) -> bool:
        opened.append("the other")
        return True

    reloader = Reloader(lambda: parse(TABLE % "/one"), serve)
    early = asyncio.create_task(reloader.reload("SIGHUP"))
    await asyncio.sleep(0)
    opened.append("the first")
    async with watching(reloader, None):
        assert (await early).outcome is Outcome.DONE
    assert opened == ["the first", "the other"]
