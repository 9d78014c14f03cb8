"""A command works whatever signal dispositions its parent left: shells ignore SIGINT in background jobs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.gateway_process import Gateway, running_gateway
from tests.support.shop import ROOT, front
from tests.support.tables import route, route_table

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)


def program(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    """`front` as a program: it inherits the signals that the test ignores."""
    environment["COLUMNS"] = "500"
    return subprocess.Popen(
        front(*arguments),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def started_with_signals_ignored(folder: Path, key: str, workers: int) -> Iterator[Gateway]:
    """A gateway whose parent ignored these signals when it started."""
    with ExitStack() as stack:
        before = {name: signal.signal(name, signal.SIG_IGN) for name in IGNORED}
        try:
            table = route_table(route("/gone", to="things"), services={"things": "http://127.0.0.1:1"})
            gateway = stack.enter_context(running_gateway(folder, key, table, workers, program))
        finally:
            for name, disposition in before.items():
                signal.signal(name, disposition)
        yield gateway


def test_it_stops_at_a_signal_that_its_parent_ignored(tmp_path: Path, signing_key: str) -> None:
    with started_with_signals_ignored(tmp_path, signing_key, 1) as gateway:
        gateway.process.send_signal(signal.SIGINT)

        status, printed = gateway.end()
        assert (status in {-signal.SIGINT, 128 + signal.SIGINT}, "Traceback" in printed) == (True, False)


def test_it_sees_how_workers_end_and_stops_them_though_its_parent_ignored_signals(
    tmp_path: Path, signing_key: str
) -> None:
    with started_with_signals_ignored(tmp_path, signing_key, 2) as gateway:
        os.kill(gateway.workers()[0], signal.SIGKILL)
        gateway.until(gateway.admin[0], lambda answer: answer is None)
        gateway.until_ready()
        below = gateway.workers()
        gateway.process.send_signal(signal.SIGTERM)

        status, printed = gateway.end()
        assert (status, "Traceback" in printed) == (0, False)
        assert "worker 1 of gateway was ended by SIGKILL" in printed
        assert len(below) == 2
        assert not any(Path(f"/proc/{pid}").exists() for pid in below)


STOPPED_IN_EXEC = """
import os, signal
from frontispiece.server.signals import stoppable

with stoppable():
    exec("os.kill(os.getpid(), signal.SIGINT)")
    raise SystemExit("not stopped")
"""


def test_a_stop_while_a_dataclass_is_made_ends_in_order() -> None:
    assert subprocess.run([sys.executable, "-c", STOPPED_IN_EXEC], check=False).returncode == 0
