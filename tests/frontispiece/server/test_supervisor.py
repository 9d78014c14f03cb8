"""A program that ends by itself is started again, later and later, and each end is one line of the log."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from frontispiece.server import child_process
from frontispiece.server.child_process import ChildFailed
from frontispiece.server.sockets import bound
from frontispiece.server.supervisor import MAX_BACKOFF, Supervisor
from tests.support.clock import Clock
from tests.support.waiting import TIMEOUT, eventually

ENDS = ["/bin/sh", "-c", "echo $$ >> pids; exit 3"]
SAYS_WHY = ["/bin/sh", "-c", "echo $$ >> pids; echo no ink $(wc -l < pids); exit 3"]
STAYS = ["/bin/sh", "-c", "echo $$ >> pids; exec sleep 600"]

SERVES = """
import socket, sys
with socket.socket(fileno=int(sys.argv[1])) as sock:
    sock.listen()
    while True:
        connection, _ = sock.accept()
        connection.sendall(b"here")
        connection.close()
"""


class Programs:
    """A supervisor whose clock a test sets, and one program that it runs in a folder."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.supervisor = Supervisor(self.clock)
        self.folder = folder / "programs"
        self.folder.mkdir()
        self.log = folder / "log"
        self.starts = 0

    @contextmanager
    def running(self, command: list[str]) -> Iterator[None]:
        def start() -> "subprocess.Popen[bytes]":
            self.starts += 1
            return child_process.start(command, folder=self.folder, log=self.log)

        with self.supervisor.running("a program", start, log=self.log):
            yield

    def ends(self) -> None:
        """Have its end noticed."""
        self.supervisor.processes["a program"].wait(TIMEOUT)
        self.supervisor.restart()
        assert self.supervisor.processes == {}

    def seconds_until_restart(self) -> float:
        """The delay that the supervisor keeps, found by setting the clock."""
        started, begun = self.starts, self.clock.now
        while self.starts == started:
            self.clock.now += 0.25
            self.supervisor.restart()
        return self.clock.now - begun


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


def test_each_end_doubles_the_delay_up_to_half_a_minute_and_is_one_line(
    programs: Programs, caplog: pytest.LogCaptureFixture
) -> None:
    delays = []
    programs.log.write_text("of an earlier run\n")
    with programs.running(SAYS_WHY):
        for _ in range(8):
            programs.ends()
            delays.append(programs.seconds_until_restart())

    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30]
    lines = [record.getMessage() for record in caplog.records]
    assert lines[:2] == [
        f"a program ended with status 3: it is started again in {delay} s; the end of {programs.log}:\n{said}"
        for delay, said in [("0.5", "no ink 1"), ("1", "no ink 2")]
    ]
    assert len(lines) == 8


def test_a_program_that_ran_for_long_is_started_again_soon(
    programs: Programs, caplog: pytest.LogCaptureFixture
) -> None:
    with programs.running(ENDS):
        for _ in range(5):
            programs.ends()
            programs.seconds_until_restart()
        programs.clock.now += MAX_BACKOFF
        programs.ends()

        assert programs.seconds_until_restart() == 0.5
    assert caplog.messages[-1].endswith(f"in 0.5 s; it wrote nothing to {programs.log}")


def test_a_killed_program_is_named_by_its_signal_and_runs_again(
    programs: Programs, caplog: pytest.LogCaptureFixture
) -> None:
    with programs.running(STAYS):
        programs.supervisor.restart()
        programs.supervisor.processes["a program"].send_signal(signal.SIGKILL)
        programs.ends()
        programs.seconds_until_restart()
        process = programs.supervisor.processes["a program"]
        assert process.poll() is None

    assert process.returncode is not None, "it ends with the block"
    assert "a program was ended by SIGKILL" in caplog.text


def test_while_a_project_starts_an_end_is_a_failure_with_the_log(programs: Programs) -> None:
    with programs.running(SAYS_WHY):
        programs.supervisor.processes["a program"].wait(TIMEOUT)

        with pytest.raises(ChildFailed, match=r"a program ended with status 3.*\nno ink 1"):
            programs.supervisor.check()


def test_what_cannot_be_started_again_is_tried_again(
    programs: Programs, caplog: pytest.LogCaptureFixture
) -> None:
    with programs.running(ENDS):
        programs.ends()
        programs.folder.joinpath("pids").unlink()
        programs.folder.rmdir()
        assert programs.seconds_until_restart() == 0.5
        programs.folder.mkdir()
        assert programs.seconds_until_restart() == 1

    assert "a program could not be started: [Errno 2] No such file" in caplog.text


def test_what_a_dead_program_left_behind_is_gone_before_it_runs_again(programs: Programs) -> None:
    with programs.running(["/bin/sh", "-c", "sleep 600 & echo $! > pid; kill -9 $$"]):
        programs.ends()
        pid = (programs.folder / "pid").read_text().strip()

        assert eventually(lambda: gone(pid))


def gone(pid: str) -> bool:
    """Whether a process has ended, reaped or not."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", pid], check=False, capture_output=True, text=True
    ).stdout
    return not state or state.startswith("Z")


def reply(where: tuple[str, int]) -> bytes | None:
    """What a server says to a new connection; None when it refuses connections."""
    try:
        with socket.create_connection(where, timeout=TIMEOUT) as connection:
            return connection.recv(4)
    except ConnectionRefusedError:
        return None


def test_a_program_that_is_killed_before_it_listens_serves_when_it_is_started_again() -> None:
    clock = Clock()
    supervisor = Supervisor(clock)
    with bound() as sock:
        commands = iter([["sleep", "600"], [sys.executable, "-c", SERVES, str(sock.fileno())]])

        def start() -> "subprocess.Popen[bytes]":
            return child_process.start(next(commands), pass_fds=[sock.fileno()])

        with supervisor.running("a server", start, sock=sock):
            process = supervisor.processes["a server"]
            process.kill()
            process.wait()
            supervisor.restart()
            clock.advance(MAX_BACKOFF)
            supervisor.restart()

            assert eventually(lambda: reply(sock.getsockname()) is not None)
            assert reply(sock.getsockname()) == b"here"


def test_a_socket_refuses_connections_while_its_program_is_dead_and_then_serves_again() -> None:
    supervisor = Supervisor()
    with bound() as sock:
        where = sock.getsockname()
        command = [sys.executable, "-c", SERVES, str(sock.fileno())]
        start = partial(child_process.start, command, pass_fds=[sock.fileno()])
        with supervisor.running("a server", start, sock=sock):
            assert eventually(lambda: reply(where) == b"here")
            process = supervisor.processes["a server"]
            process.kill()
            process.wait()
            supervisor.restart()

            assert reply(where) is None

            def is_back() -> bool:
                supervisor.restart()
                return reply(where) == b"here"

            assert eventually(is_back)
