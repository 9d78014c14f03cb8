"""The gateway in several processes and with its admin port, run as production runs it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import httpx
import pytest

from front.sockets import PortTaken, bound
from tests.support.shop import ROOT, front

READY_WITHIN = 30.0

ROUTES = """
[services.nobody]
url = "http://127.0.0.1:1"

[[routes]]
path = "/gone"
to = "nobody"
auth = "none"
"""


def free_ports(count: int) -> int:
    """The first of so many ports in a row that are free."""
    while True:
        with bound() as sock:
            first = int(sock.getsockname()[1])
        try:
            for port in range(first, first + count):
                bound(port).close()
        except (PortTaken, OverflowError):
            continue
        return first


class Gateway:
    """A running `front serve gateway`.

    Args:
        process: the command.
        url: the public one.
        admin: the metrics' address of each worker.
    """

    def __init__(self, process: subprocess.Popen[str], port: int, admin: int, workers: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.admin = [f"http://127.0.0.1:{admin + number}/metrics" for number in range(workers)]

    def until_ready(self) -> None:
        """Return when every worker answers."""
        deadline = monotonic() + READY_WITHIN
        for url in (*self.admin, f"{self.url}/health/live"):
            while not answers(url):
                assert self.process.poll() is None, self.process.communicate()
                assert monotonic() < deadline, f"{url} does not answer"

    def workers(self) -> list[int]:
        """The processes below the command."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def counted(self) -> list[int]:
        """How many calls each worker has answered."""
        texts = [httpx.get(url).text for url in self.admin]
        lines = [
            [line for line in text.splitlines() if line.startswith("gateway_requests_total")]
            for text in texts
        ]
        return [sum(int(float(line.split()[-1])) for line in each) for each in lines]

    def end(self) -> tuple[int, str]:
        """The command's status, once it has ended, and what it printed about errors."""
        _, printed = self.process.communicate(timeout=20)
        return self.process.returncode, printed


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


@contextmanager
def running_gateway(folder: Path, signing_key: str, workers: int) -> Iterator[Gateway]:
    (folder / "routes.toml").write_text(ROUTES)
    port = free_ports(1 + workers)
    variables = {
        **os.environ,
        "GATEWAY_SIGNING_KEY": signing_key,
        "GATEWAY_ROUTES": str(folder / "routes.toml"),
        "GATEWAY_ADMIN": f"127.0.0.1:{port + 1}",
        "COLUMNS": "500",
    }
    command = front("serve", "gateway", "--port", str(port), "--workers", str(workers))
    process = subprocess.Popen(
        command, cwd=ROOT, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        gateway = Gateway(process, port, port + 1, workers)
        gateway.until_ready()
        yield gateway
    finally:
        process.kill()  # its workers end with it
        process.communicate()


def test_workers_share_the_port_and_each_has_an_admin_port_and_numbers_of_its_own(
    tmp_path: Path, signing_key: str
) -> None:
    with running_gateway(tmp_path, signing_key, 2) as gateway:
        first, second = gateway.workers()
        for stopped, times in ((first, 3), (second, 2)):
            os.kill(stopped, signal.SIGSTOP)
            for _ in range(times):
                assert httpx.get(f"{gateway.url}/gone").status_code == 503
            os.kill(stopped, signal.SIGCONT)

        assert sorted(gateway.counted()) == [2, 3]


def test_when_a_worker_ends_the_command_names_it_and_ends_with_the_others(
    tmp_path: Path, signing_key: str
) -> None:
    with running_gateway(tmp_path, signing_key, 2) as gateway:
        workers = gateway.workers()
        os.kill(workers[1], signal.SIGKILL)

        status, printed = gateway.end()
        assert status == 1
        assert (
            f"worker 2 of gateway (process {workers[1]}) ended with status -9: the others were stopped."
            in printed
        )
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_of_it(
    tmp_path: Path, signing_key: str, workers: int, stop: signal.Signals
) -> None:
    with running_gateway(tmp_path, signing_key, workers) as gateway:
        below = gateway.workers()
        assert len(below) == (workers if workers > 1 else 0)
        gateway.process.send_signal(stop)

        status, printed = gateway.end()
        assert "Traceback" not in printed
        assert status == 0 if workers > 1 else status in {-stop, 128 + stop}
        assert not any(Path(f"/proc/{pid}").exists() for pid in below)


def test_an_admin_port_that_is_taken_is_named_and_nothing_is_served(tmp_path: Path, signing_key: str) -> None:
    (tmp_path / "routes.toml").write_text(ROUTES)
    with bound() as taken:
        taken.listen()
        port = taken.getsockname()[1]
        variables = {
            **os.environ,
            "GATEWAY_SIGNING_KEY": signing_key,
            "GATEWAY_ROUTES": str(tmp_path / "routes.toml"),
            "GATEWAY_ADMIN": f"127.0.0.1:{port}",
        }
        done = subprocess.run(
            front("serve", "gateway", "--port", "0"),
            cwd=ROOT,
            env=variables,
            check=False,
            capture_output=True,
            text=True,
        )

    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be had" in done.stderr


def test_only_roles_that_may_be_many_have_workers() -> None:
    done = subprocess.run(
        front("serve", "catalog", "--workers", "2"), cwd=ROOT, check=False, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "catalog has no workers: only gateway, bff-web, bff-mobile have." in done.stderr
