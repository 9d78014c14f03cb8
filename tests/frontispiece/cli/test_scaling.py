"""Copies of an app by command under `front dev`, and why `front scale` cannot start any."""

import fcntl
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from frontispiece.cli.client.admin import address_of, request
from frontispiece.cli.scaffold.init import write_project
from frontispiece.settings import PROJECT_FILE
from frontispiece.testing import started
from tests.support.front import run_in
from tests.support.waiting import until

IN_REGISTRY = '[environment]\nREGISTRY_URL = "${nats}"\n\n[gateway.environment]\nREGISTRY_URL = "${nats}"\n'


def project(folder: Path, sections: str = "") -> Path:
    """A project whose app `notes` is a program by command."""
    write_project(folder)
    file = folder / PROJECT_FILE
    file.write_text(sections + file.read_text())
    return file


def scale(folder: Path, data: Path, wanted: str) -> str:
    """Run `front scale`; returns what it says."""
    done = run_in(folder, "scale", wanted, "--data", data)
    return done.stdout + done.stderr


@contextmanager
def calling(http: httpx.Client) -> Iterator[Counter[int]]:
    """Calls that are made meanwhile, by their statuses."""
    statuses: Counter[int] = Counter()
    is_over = threading.Event()

    def call() -> None:
        while not is_over.wait(0.02):
            statuses[http.get("/web/notes/1").status_code] += 1

    caller = threading.Thread(target=call)
    caller.start()
    try:
        yield statuses
    finally:
        is_over.set()
        caller.join()


async def test_a_program_has_copies_that_run_what_is_saved_and_no_call_fails_when_they_stop(
    tmp_path: Path,
) -> None:
    folder, data = tmp_path / "project", tmp_path / "data"
    project(folder, IN_REGISTRY)
    command = [sys.executable, "-m", "frontispiece.cli", "dev", "--port", "0", "--data", str(data)]

    def registered() -> set[str]:
        rows = request("GET", *address_of(data), "/admin/services")
        return {row["address"] for row in rows if row["service"] == "notes" and row["registered"]}

    def text_at(address: str) -> str:
        return httpx.get(f"{address}/notes/1", timeout=60).text

    with (
        started(command, data, {}, folder) as running,
        httpx.Client(base_url=running.url, timeout=60) as http,
    ):
        with calling(http) as statuses:
            assert "notes: 2 instances" in scale(folder, data, "notes=2")
            before = registered()
            assert len(before) == 2
        file = folder / "services" / "notes.py"
        file.write_text(file.read_text().replace("Buy ink", "Buy pens"))
        await until(lambda: "notes: reloaded" in running.printed)
        await until(lambda: len(now := registered()) == 2 and len(now & before) == 1)
        assert all("Buy pens" in text_at(address) for address in registered())
        with calling(http) as stopping:
            assert "notes: 1 instance" in scale(folder, data, "notes=1")
        assert statuses.keys() == stopping.keys() == {200}


@pytest.fixture
def in_use(tmp_path: Path) -> Iterator[Path]:
    """The data folder of a run."""
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield tmp_path


Edit = Callable[[str], str]


@pytest.mark.parametrize(
    ("sections", "edit", "message"),
    [
        (
            "",
            str,
            '[environment] of {file} lacks REGISTRY_URL = "${{nats}}", by which notes is in the registry',
        ),
        (IN_REGISTRY, str, "REGISTRY_URL is not set, and the run on {data} has no NATS server of its own"),
        (
            IN_REGISTRY,
            lambda text: text.replace("${port}", "8000"),
            "notes listens on a port of its own: copies need ${{port}} in apps.notes.command",
        ),
    ],
)
def test_what_is_missing_is_named_with_its_place(
    tmp_path: Path, in_use: Path, sections: str, edit: Edit, message: str
) -> None:
    file = project(tmp_path / "project", sections)
    file.write_text(edit(file.read_text()))

    assert message.format(file=file, data=in_use) in scale(tmp_path / "project", in_use, "notes=2")


def test_a_project_that_does_not_run_cannot_be_scaled(tmp_path: Path) -> None:
    project(tmp_path / "project", IN_REGISTRY)

    said = scale(tmp_path / "project", tmp_path / "elsewhere", "notes=2")

    assert f"no front up or front dev runs on {tmp_path / 'elsewhere'}" in said
