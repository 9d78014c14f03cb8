import os
import subprocess
import sys
from pathlib import Path

import pytest

from frontispiece.server import child_process
from frontispiece.server.child_process import running
from tests.support.files import modes
from tests.support.waiting import eventually

STUBBORN = "trap '' TERM; echo deaf; while :; do sleep 0.05; done"


def test_a_program_that_does_not_end_by_itself_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_process, "STOP_TIMEOUT", 0.2)
    log = tmp_path / "log"

    with running(["/bin/sh", "-c", STUBBORN], log=log) as process:
        while "deaf" not in log.read_text():
            assert process.poll() is None

    assert process.returncode == -9


def test_what_a_program_prints_is_in_its_log_after_what_was_there(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for word in ("first", "second"):
        with running(["/bin/sh", "-c", f"echo {word}; echo to stderr >&2"], log=log) as process:
            assert process.wait() == 0

    assert log.read_text() == "first\nto stderr\nsecond\nto stderr\n"


def test_what_a_program_prints_and_creates_is_this_users_alone(tmp_path: Path, open_umask: None) -> None:
    with running(["/bin/sh", "-c", "touch made"], log=tmp_path / "log", folder=tmp_path) as process:
        assert process.wait() == 0

    assert modes(tmp_path) == {"log": 0o600, "made": 0o600}


@pytest.mark.parametrize("started", ["sleep 600", STUBBORN], ids=["ends", "deaf"])
def test_what_a_program_started_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: str
) -> None:
    monkeypatch.setattr(child_process, "STOP_TIMEOUT", 0.3)
    log = tmp_path / "log"

    with running(["/bin/sh", "-c", f"({started}) & echo deaf; wait"], log=log) as process:
        while "deaf" not in log.read_text():
            assert process.poll() is None

    assert eventually(lambda: not child_process.signal_group(process, 0))


def test_a_program_inherits_the_variables_that_are_named_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "secret")
    log = tmp_path / "log"
    with running(["/usr/bin/env"], log=log, base={"A": "1"}, environment={"B": "2"}) as process:
        process.wait()

    assert {"A=1", "B=2"} <= set(log.read_text().split())
    assert "KEY" not in log.read_text()


STOPPED_AT_BIRTH = """
import os, signal, subprocess, sys
from pathlib import Path
from frontispiece.server import child_process
from frontispiece.server.signals import stoppable

pid = Path(sys.argv[1])

class Slow(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        while not (pid.exists() and pid.read_text().endswith("\\n")):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

subprocess.Popen = Slow
with stoppable(), child_process.running(["/bin/sh", "-c", f"sleep 600 & echo $! > {pid}; wait"]):
    raise SystemExit("not stopped")
"""


def test_a_stop_that_arrives_while_a_program_starts_ends_it_with_what_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    done = subprocess.run([sys.executable, "-c", STOPPED_AT_BIRTH, pid], check=False)

    assert done.returncode == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


KILLED = """
import os, signal, sys
from pathlib import Path
from frontispiece.server import child_process

pid = Path(sys.argv[1])
command = ["/bin/sh", "-c", f"sleep 600 & echo $! > {pid}; wait"]
with child_process.running(command, foreign=True):
    while not (pid.exists() and pid.read_text().endswith("\\n")):
        pass
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's end")
def test_what_a_foreign_program_started_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    subprocess.run([sys.executable, "-c", KILLED, pid], check=False)

    state = Path(f"/proc/{pid.read_text().strip()}/stat")
    assert eventually(lambda: not state.exists() or state.read_text().split()[2] == "Z")
