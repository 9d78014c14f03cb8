"""`front dev`: what is saved is served, and what cannot be served is named while the old version goes on."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from frontispiece.cli.client.admin import address_of, request
from frontispiece.cli.run.changes import Changes
from frontispiece.cli.run.imports import Imports
from frontispiece.cli.scaffold.init import write_project
from frontispiece.settings import PROJECT_FILE
from frontispiece.testing import RunningProject, started
from tests.support.front import run_in
from tests.support.variables import IN_REGISTRY

NANOSECONDS = 10**9
"""Of a second."""


@dataclass
class Developer:
    """Who edits the files of a project that runs."""

    folder: Path
    running: RunningProject
    http: httpx.Client

    def edit(self, file: str, before: str, after: str) -> None:
        """Change a file within the second of the change before, where cached bytecode could look current."""
        path = self.folder / file
        text, second = path.read_text(), path.stat().st_mtime_ns // NANOSECONDS
        assert before in text
        path.write_text(text.replace(before, after))
        changed = second * NANOSECONDS + time.time_ns() % NANOSECONDS
        os.utime(path, ns=(changed, changed))

    def get(self, path: str = "/web/notes/1") -> str:
        return self.http.get(path).text

    def until(self, seen: Callable[[], bool]) -> None:
        """Return as soon as it is so."""
        deadline = time.monotonic() + 60
        while not seen():
            assert time.monotonic() < deadline, self.running.printed
            time.sleep(0.05)

    def scale(self, instances: int) -> set[str]:
        """Run `front scale`, while calls go on and none fails; the addresses that the gateway calls then."""
        with ThreadPoolExecutor() as pool:
            scaling = pool.submit(
                run_in, self.folder, "scale", f"notes={instances}", "--data", self.running.data
            )
            statuses = set()
            while not scaling.done():
                statuses.add(self.http.get("/web/notes/1").status_code)
                time.sleep(0.02)
        assert scaling.result().returncode == 0, scaling.result().stderr
        assert statuses == {200}
        self.until(lambda: len(self.notes()) == instances)  # it watches the registry, too
        return self.notes()

    def notes(self) -> set[str]:
        """The addresses of the program's instances."""
        rows = request("GET", *address_of(self.running.data), "/admin/services")
        return {row["address"] for row in rows if row["service"] == "notes"}

    def until_printed(self, text: str) -> None:
        self.until(lambda: text in self.running.printed)

    def until_served(self, text: str, path: str = "/web/notes/1") -> None:
        self.until(lambda: text in self.get(path))


@pytest.fixture
def developer(tmp_path: Path) -> Iterator[Developer]:
    folder = tmp_path / "project"
    write_project(folder)
    file = folder / PROJECT_FILE
    file.write_text(IN_REGISTRY + file.read_text())
    (folder / "client").mkdir()
    (folder / "client" / "index.html").write_text("<!doctype html><title>One</title>")
    with (folder / "routes.toml").open("a") as table:
        table.write('\n[[routes]]\npath = "/app/{file:path}"\nfiles = "client"\nauth = "none"\n')
    command = [sys.executable, "-m", "frontispiece.cli", "dev", "--port", "0"]
    data = tmp_path / "data"
    with (
        started([*command, "--data", str(data)], data, {}, folder) as running,
        httpx.Client(base_url=running.url, timeout=60) as http,
    ):
        yield Developer(folder, running, http)


def edit_a_program_with_a_copy(developer: Developer) -> None:
    """Both run what is saved, and no call fails while the copy comes and goes."""
    before = developer.scale(2)
    developer.edit("services/notes.py", "Buy ink", "Buy pens")
    developer.until(lambda: len(now := developer.notes()) == 2 and len(now & before) == 1)
    assert all("Buy pens" in httpx.get(f"{each}/notes/1", timeout=60).text for each in developer.notes())
    developer.scale(1)


def test_code_that_is_saved_is_served_and_code_that_cannot_be_is_named(developer: Developer) -> None:
    note = "web/pages/note.py"

    with ThreadPoolExecutor() as pool:  # a page: calls go on meanwhile, and none fails
        calls = pool.submit(lambda: {developer.http.get("/web/notes/1").status_code for _ in range(100)})
        developer.edit(note, "text=note.text", "text=note.text.upper()")
        developer.until_served("BUY INK")
        assert calls.result() == {200}

    developer.edit(note, ".upper()", ".lower(")  # no Python
    developer.until_printed(f"{developer.folder / note}:33: invalid syntax")
    assert "BUY INK" in developer.get()
    developer.edit(note, "related(note: Note", "related(nota: Note")  # nor a page
    developer.edit(note, ".lower(", ".lower()")
    developer.until_printed(
        f"{developer.folder / note}:17: /notes/{{note_id}}: the parameter nota is no source"
    )
    assert "BUY INK" in developer.get()
    developer.edit("web/clients.py", "from msgspec", "import unheard_of\nfrom msgspec")  # cannot be imported
    developer.until_printed(f"No module named 'unheard_of' ({developer.folder / 'web/clients.py'}, line 5)")
    developer.edit(note, "related(nota: Note", "related(note: Note")
    developer.edit("web/clients.py", "import unheard_of\n", "")
    developer.until_served("buy ink")

    edit_a_program_with_a_copy(developer)
    developer.until_served("buy pens")
    developer.edit("services/notes.py", "import argparse", "import argparse_")  # it ends at once
    developer.until_printed("No module named 'argparse_'")
    developer.edit("services/notes.py", "import argparse_", "import argparse")
    developer.until_served("buy pens")
    developer.until(lambda: developer.running.printed.count("notes: reloaded") == 2)

    developer.edit("routes.toml", '"/web/notes/{note_id}"', '"/w/notes/{note_id}"')
    developer.until_served("buy pens", "/w/notes/1")
    developer.edit("routes.toml", '"/w/notes/{note_id}"', '"w/notes/{note_id}"')
    developer.until_printed("does not begin with a slash")
    developer.edit("routes.toml", '"w/notes/{note_id}"', '"/w/notes/{note_id}"')
    developer.until_printed("valid again")

    developer.edit("client/index.html", "One", "Two")
    developer.until_served("Two", "/app/")

    developer.edit("frontispiece.toml", "mounted = true", "mountd = true")
    developer.until_printed("apps.web.mountd: unknown key: did you mean 'mounted'?")
    developer.edit("frontispiece.toml", "mountd = true", 'mounted = true\nenvironment = { A = "b" }')
    developer.until_printed("all apps serve again")
    assert "buy pens" in developer.get("/w/notes/1")

    developer.edit("routes.toml", 'auth = "none"', 'auth = "nobody"')
    developer.edit("frontispiece.toml", 'A = "b"', 'A = "${valkey}"')
    developer.until_printed("${valkey} is needed only now: stop front dev and start it again")
    developer.edit("frontispiece.toml", "${valkey}", "c")
    developer.until(lambda: developer.running.printed.count("started again when something is saved") == 2)
    developer.edit("routes.toml", "nobody", "none")
    developer.until(lambda: developer.running.printed.count("all apps serve again") == 2)

    printed = developer.running.printed
    assert developer.running.stop() < 60
    assert printed.count("Traceback") == 1, "of the program, in its log"
    assert len(re.findall("is started again in", printed)) == 1, "only the program that could not start"


def test_changes_are_found_behind_links_and_links_may_go_round(tmp_path: Path) -> None:
    project, linked = tmp_path / "project", tmp_path / "linked"
    for folder in (project / "data", linked):
        folder.mkdir(parents=True)
    for link, target in ((project / "web", linked), (project / "again", project), (linked / "out", project)):
        link.symlink_to(target)
    changes = Changes(project, frozenset(), project / "data")
    for folder in (project / "data", linked):
        (folder / "app.py").write_text("")

    assert changes.wait(lambda _seconds: None) == {project / "web" / "app.py"}


def test_imports_are_found_wherever_they_are_written(tmp_path: Path) -> None:
    files = {
        "app.py": "import pkg.inner\ndef later():\n    from helpers import helper\n",
        "helpers.py": "import json",
        "pkg/__init__.py": "",
        "pkg/inner.py": "from . import sibling\nfrom .deep.module import name\n",
        "pkg/sibling.py": "from pkg import other",
        "pkg/other.py": "def broken(:",
        "pkg/deep/module.py": "from .. import unused_name, up",
        "pkg/up.py": "import pkg.too_deep",
        "pkg/too_deep.py": "1" + "+1" * 100_000,
        "pkg/not_imported.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    imports = Imports(tmp_path)
    found = imports.of([tmp_path / "app.py"])

    assert imports.module("pkg/away.py") == imports.module("/") == []
    assert {str(file.relative_to(tmp_path)) for file in found} == files.keys() - {"pkg/not_imported.py"}
