"""What a run of `front up` gives to its programs, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from frontispiece.cli.project import Project
from frontispiece.cli.run import secrets
from frontispiece.errors import ConfigError
from frontispiece.settings import PROJECT_FILE
from tests.support.front import run
from tests.support.gateway_process import answered
from tests.support.shop import ROOT, RunningShop, front, running_shop
from tests.support.waiting import TIMEOUT, eventually

INTERRUPTED_IMPORT = """
import os, signal, sys
from frontispiece import cli
class Finder:
    def find_spec(name, *_):
        if name == "frontispiece.cli.main":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder)
cli.front()
"""

SHOW_ENVIRONMENT = """
import json, os, pathlib
pathlib.Path("environment.json").write_text(json.dumps(dict(os.environ)))
"""


def stop_at(file: Path, number: int, *options: str | Path) -> None:
    """Send a signal to `front up` when a file has text; it ends in order within seconds."""
    process = subprocess.Popen(front("up", "--port", "0", *options), cwd=ROOT)
    try:
        assert eventually(lambda: process.poll() is not None or (file.exists() and file.read_text() != ""))
        process.send_signal(number)
        assert process.wait(TIMEOUT) == 0
    finally:
        process.kill()
        process.wait()


def test_a_program_has_no_secret_of_other_apps_exports_to_the_console_and_is_reached_without_a_proxy(
    project: Path, tmp_path: Path
) -> None:
    notes = project / "notes" / "notes.py"
    notes.write_text(SHOW_ENVIRONMENT + notes.read_text())
    file = project / PROJECT_FILE
    file.write_text(
        file.read_text().replace("mounted = true", 'mounted = true\nsigning_key = "BFF_SIGNING_KEY"')
    )
    proxy = {"HTTP_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}
    given = {
        **proxy,
        "MINE": "1",
        "NO_PROXY": "example.org",
        "OTEL_SDK_DISABLED": "",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-api-key=k",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-api-key=k",
    }
    with running_shop(tmp_path / "data", "--project", str(project), **given) as running:
        variables = json.loads((project / "notes" / "environment.json").read_text())
        explained = run("explain", "/alone/1", "--url", running.url, **proxy)

    others = {name: value for name, value in variables.items() if name != "PEPPER"}
    assert explained.returncode == 0, explained.stderr
    assert variables["MINE"] == "1"
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"].endswith("/console/otlp")
    assert variables["OTEL_SERVICE_NAME"] == "notes"
    assert "OTEL_TRACES_SAMPLER" not in variables, "the gateway decides, and others follow"
    assert variables["OTEL_EXPORTER_OTLP_HEADERS"].startswith("Authorization=Bearer%20")
    assert variables["OTEL_EXPORTER_OTLP_TRACES_HEADERS"] == ""
    assert variables["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf"
    assert variables["NO_PROXY"] == variables["no_proxy"] == "example.org,127.0.0.1"
    assert {"GATEWAY_SIGNING_KEY", "BFF_SIGNING_KEY"}.isdisjoint(others)
    assert set(json.loads((tmp_path / "data" / "secrets.json").read_text()).values()).isdisjoint(
        others.values()
    )


@pytest.mark.parametrize(
    ("number", "options"),
    [(signal.SIGINT, ("--processes",)), (signal.SIGTERM, ())],
)
def test_a_start_that_waits_is_stopped_at_once_with_all_programs(
    project: Path, tmp_path: Path, options: tuple[str, ...], number: int
) -> None:
    file = project / PROJECT_FILE
    file.write_text(
        file.read_text() + '[apps.mute]\ncommand = ["sh", "-c", "sleep 600 & echo $! > pid; wait"]\n'
    )
    pid = project / "pid"
    stop_at(pid, number, "--data", tmp_path / "data", "--project", project, *options)

    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_an_interrupt_before_anything_has_started_ends_without_a_word() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT], cwd=ROOT, capture_output=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize("text", ['{"pepper', '{"GATEWAY_SIGNING_KEY": "no PEM"}', '{"pepper": 1}'])
def test_unreadable_secrets_are_named_by_their_file(project: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / secrets.FILE
    file.write_text(text)

    with pytest.raises(ConfigError, match=f"{file}.*: repair it, or remove it"):
        secrets.load(Project.load(project), tmp_path)


def test_secrets_that_others_could_read_are_closed(project: Path, tmp_path: Path) -> None:
    made = secrets.load(Project.load(project), tmp_path)
    file = tmp_path / secrets.FILE
    file.chmod(0o644)

    assert secrets.load(Project.load(project), tmp_path) == made
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is full")
def test_a_data_folder_without_space_is_one_line(project: Path, tmp_path: Path) -> None:
    (tmp_path / "space").symlink_to("/dev/full")

    done = run("up", "--project", project, "--port", "0", "--data", tmp_path)

    assert done.returncode == 1
    assert (
        done.stderr
        == f"{tmp_path} cannot be the data folder: No space left on device: name another by --data\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that nobody can write")
def test_a_data_folder_that_cannot_be_written_is_one_line(project: Path) -> None:
    done = run("up", "--project", project, "--port", "0", "--data", "/sys/data")

    assert done.returncode == 1
    assert re.fullmatch(r"/sys/data cannot be the data folder: .*\n", done.stderr)


CORRUPT = """
from pathlib import Path
import sqlalchemy as sa
from frontispiece.service import create_store_service
from frontispiece.security import Verifier
from frontispiece.settings import TokenSettings
from frontispiece.stores import SqlStore
import os

class Store(SqlStore):
    main_table = sa.Table("notes", sa.MetaData(), sa.Column("text", sa.Text))

def create_app():
    store = Store(os.environ["BOOKS_DATABASE_URL"])
    verifier = Verifier(TokenSettings(), "books")
    return create_store_service(title="books", description="", verifier=verifier, store=store)
"""


@pytest.mark.parametrize("options", [(), ("--processes",)], ids=["one-process", "many-processes"])
def test_a_corrupt_database_is_named_in_a_line_and_ends_the_start(
    project: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    (project / "books.py").write_text(CORRUPT)
    with (project / PROJECT_FILE).open("a") as file:
        file.write('[apps.books]\nfactory = "books:create_app"\ndatabase = "BOOKS_DATABASE_URL"\n')
        file.write('environment = { TOKEN_ISSUERS = "${issuers}" }\n')
    data = tmp_path / "data"
    data.mkdir()
    (data / "books.db").write_bytes(b"this is no database" * 100)

    done = run("up", "--project", project, "--port", "0", "--data", data, *options)

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"The database is corrupt: sqlite:///{data}/books.db: file is not a database" in done.stderr
    assert "books did not start." in done.stderr


NEVER_STARTED = """
import asyncio, pathlib
async def app(scope, receive, send):
    pathlib.Path(__file__).with_name("begun").write_text("yes")
    await asyncio.Event().wait()
def create_app():
    return app
"""


def test_a_startup_that_never_completes_is_stopped_at_once(project: Path, tmp_path: Path) -> None:
    (project / "never.py").write_text(NEVER_STARTED)
    file = project / PROJECT_FILE
    file.write_text(file.read_text() + '[apps.never]\nfactory = "never:create_app"\n')
    stop_at(project / "begun", signal.SIGINT, "--data", tmp_path / "data", "--project", project)


def kill(front_up: RunningShop, words: str) -> None:
    """Kill the process below `front up` with these words in its name or command line."""
    listed = subprocess.run(
        ["ps", "-ewwo", "pid=,ppid=,comm=,args="], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    rows = [(int(pid), int(parent), args) for pid, parent, args in (line.split(None, 2) for line in listed)]
    below = {front_up.process.pid}
    while more := {pid for pid, parent, _ in rows if parent in below} - below:
        below |= more
    found = [pid for pid, _, args in rows if pid in below and re.search(words, args)]
    os.kill(found[-1], signal.SIGKILL)


def until(url: str, status: int) -> None:
    """Return when this is what is answered."""
    assert eventually(lambda: (answer := answered(url)) is not None and answer.status_code == status)


@pytest.mark.parametrize(
    ("options", "words", "path"),
    [
        ((), r"python\S* -u notes.py", "/notes/1"),
        (("--processes",), "^stars ", "/stars"),
    ],
)
def test_an_app_that_is_killed_is_a_503_at_once_and_then_runs_again(
    project: Path, tmp_path: Path, options: tuple[str, ...], words: str, path: str
) -> None:
    with running_shop(tmp_path / "data", "--project", str(project), *options) as running:
        kill(running, words)
        until(running.url + path, 503)
        until(running.url + path, 200)
        if options:  # the gateway is a program, too, and serves again at the same address
            kill(running, "^gateway ")
            until(running.url + path, 200)
        running.stop()
        printed = running.printed

    name = path.split("/")[1]
    assert f"{name} was ended by SIGKILL: it is started again in 0.5 s; " in printed
    assert (running.process.returncode, "Traceback" in printed) == (0, False)


def test_an_app_whose_module_starts_a_thread_runs_like_any_other(project: Path, tmp_path: Path) -> None:
    module = project / "services" / "__init__.py"
    thread = "import threading, time\nthreading.Thread(target=lambda: time.sleep(600), daemon=True).start()\n"
    module.write_text(thread + module.read_text())
    with running_shop(tmp_path / "data", "--project", str(project), "--processes") as running:
        until(f"{running.url}/stars", 200)
        kill(running, "serve stars .*--fd")  # a program of its own: no process with threads is forked
        until(f"{running.url}/stars", 503)
        until(f"{running.url}/stars", 200)
