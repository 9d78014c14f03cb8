"""A fork of a process is as a program of its own: nothing of its parent shows, but for what was imported."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.files import modes
from tests.support.shop import ROOT
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")

FORKS = """
import json, logging, os, signal, sys, threading
from pathlib import Path
from frontispiece.server import forking
from frontispiece.server.signals import stoppable

log = Path(sys.argv[1])

def start(main, modules=(), pass_fds=()):
    template = forking.Template(modules)
    return template.start(main, name="a-name", log=log, pass_fds=pass_fds, environment={"MINE": "1"})
"""


def run(program: str, log: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that starts forks, in a process of one thread."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", FORKS + program, log],
        check=False,
        capture_output=True,
        text=True,
        cwd=log.parent,
        env=environment,
    )


SEEN = """
logging.basicConfig(format="the parent's %(message)s")
passed, other = os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_RDONLY)
signal.signal(signal.SIGHUP, lambda *_: None)
print("of the parent", end="")  # not yet written

def main():
    logging.basicConfig(format="%(message)s")
    logging.warning("of the child")
    open("made", "w").close()
    print(json.dumps({
        "passed": os.path.exists(f"/proc/self/fd/{passed}"),
        "other": os.path.exists(f"/proc/self/fd/{other}"),
        "stdin": sys.stdin.read(),
        "mine": os.environ["MINE"],
        "leads": os.getsid(0) == os.getpgid(0) == os.getpid(),
        "name": Path("/proc/self/comm").read_text().strip(),
        "dispositions": [int(signal.getsignal(name)) for name in (2, 15, 1)],
        "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    }))

with stoppable():
    process = start(main, pass_fds=[passed])
    assert os.getpgid(process.pid) == process.pid
    assert process.wait(30) == process.returncode == 0
assert "MINE" not in os.environ
"""


def test_a_fork_has_its_own_group_log_name_and_signals_and_no_other_descriptors(
    tmp_path: Path, open_umask: None
) -> None:
    log = tmp_path / "log"
    log.write_text("earlier\n")
    done = run(SEEN, log)

    assert (done.returncode, done.stdout, done.stderr) == (0, "of the parent", "")
    first, logged, shown = log.read_text().splitlines()
    assert (first, logged) == ("earlier", "of the child")
    assert json.loads(shown) == {
        "passed": True,
        "other": False,
        "stdin": "",
        "mine": "1",
        "leads": True,
        "name": "a-name",
        "dispositions": [signal.SIG_DFL, signal.SIG_DFL, signal.SIG_IGN],
        "blocked": 0,
    }
    assert modes(tmp_path)["made"] == 0o600


@pytest.mark.parametrize(
    ("ends", "status", "logged"),
    [
        ("sys.exit()", 0, ""),
        ("sys.exit(7)", 7, ""),
        ("sys.exit('no ink')", 1, "no ink\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("os.kill(os.getpid(), signal.SIGTERM)", -15, ""),
    ],
)
def test_a_fork_ends_as_a_program_ends(tmp_path: Path, ends: str, status: int, logged: str) -> None:
    log = tmp_path / "log"
    done = run(f"print(start(lambda: {ends}).wait(30), flush=True)", log)

    assert (done.stdout, done.stderr) == (f"{status}\n", "")
    assert log.read_text().endswith(logged)
    assert bool(log.read_text()) == bool(logged)


WAITED_FOR = """
import subprocess
process = start(lambda: signal.pause())
try:
    process.wait(0.1)
except subprocess.TimeoutExpired:
    assert process.poll() is None
process.kill()
assert process.wait() == process.poll() == -9
process.send_signal(signal.SIGTERM)  # to nobody
"""


def test_a_fork_is_waited_for_and_killed(tmp_path: Path) -> None:
    assert run(WAITED_FOR, tmp_path / "log").stderr == ""


MODULES = {
    "fine": "import os; opened = os.open('/dev/null', os.O_RDONLY)",
    "fails": "1 / 0",
    "leaves": "raise SystemExit(3)",
}
IMPORTED = """
sys.path.insert(0, ".")
def main():
    os.fstat(sys.modules["fine"].opened)
    print({"fine", "fails", "leaves"} & sys.modules.keys())
start(main, ["leaves", "fails", "nowhere", "fine"]).wait(30)
"""


def test_modules_are_imported_once_with_their_descriptors_and_one_that_fails_stops_nothing(
    tmp_path: Path,
) -> None:
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    done = run(IMPORTED, tmp_path / "log")

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "log").read_text() == "{'fine'}\n"


STOPPED = """
sys.path.insert(0, ".")
with stoppable():
    start(print, ["stopped"])
    raise SystemExit("not stopped")
"""


def test_a_stop_while_modules_are_imported_is_one(tmp_path: Path) -> None:
    (tmp_path / "stopped.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")

    assert run(STOPPED, tmp_path / "log").returncode == 0


KILLED = """
process = start(lambda: signal.pause())
print(process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_fork_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    child = Path("/proc") / run(KILLED, tmp_path / "log").stdout.strip()

    assert eventually(lambda: not child.exists() or child.joinpath("stat").read_text().split()[2] == "Z")


THREADS = """
assert forking.is_safe()
done = threading.Event()
thread = threading.Thread(target=done.wait)
thread.start()
assert not forking.is_safe()
done.set()
thread.join()
"""


def test_a_process_of_several_threads_is_not_safe_to_fork(tmp_path: Path) -> None:
    assert run(THREADS, tmp_path / "log").stderr == ""
