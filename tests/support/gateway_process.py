"""The gateway as production runs it: the command, in one process or several, on real ports."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import httpx

from frontispiece.http.client import default_trust
from tests.support.front import Command
from tests.support.serving import free_ports

READY_WITHIN = 120.0

Happened = Callable[[httpx.Response | None], bool]
"""Whether an answer, or None instead of one, is what is waited for."""


class Gateway:
    """A running `front serve gateway`.

    Args:
        process: the command.
        port: the public one.
        admin: the first worker's admin port.
        workers: how many there are.
        routes: the table's file.
    """

    def __init__(
        self, process: "Command | subprocess.Popen[str]", port: int, admin: int, workers: int, routes: Path
    ) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.admin = [f"http://127.0.0.1:{admin + number}/metrics" for number in range(workers)]
        self.routes = routes

    def until_ready(self) -> None:
        """Return when every worker answers."""
        for url in (*self.admin, f"{self.url}/health/live"):
            self.until(url, lambda answer: answer is not None and answer.is_success)

    def until(self, url: str, happened: Happened) -> None:
        """Return when this is what is answered at an address; None is a connection that is refused."""
        deadline = monotonic() + READY_WITHIN
        while not happened(answer := answered(url)):
            assert self.process.poll() is None, self.process.communicate()
            assert monotonic() < deadline, f"{url} answers {answer}"
            sleep(0.01)

    def workers(self) -> list[int]:
        """The processes below the command."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def counted(self, metric: str = "gateway_requests_total") -> list[int]:
        """How many calls each worker has answered, or what else it counts."""
        texts = [httpx.get(url, timeout=READY_WITHIN, verify=default_trust()).text for url in self.admin]
        lines = [[line for line in text.splitlines() if line.startswith(metric)] for text in texts]
        return [sum(int(float(line.split()[-1])) for line in each) for each in lines]

    def end(self) -> tuple[int, str]:
        """The command's status, once it has ended, and what it printed about errors."""
        _, printed = self.process.communicate(timeout=READY_WITHIN)
        assert self.process.returncode is not None
        return self.process.returncode, printed


def answered(url: str) -> httpx.Response | None:
    """What is answered; None when there is no connection, or none that lasts."""
    try:
        return httpx.get(url, timeout=READY_WITHIN, verify=default_trust())
    except httpx.TransportError:
        return None


@contextmanager
def running_gateway(
    folder: Path,
    signing_key: str,
    routes: str,
    workers: int = 1,
    start: Callable[[list[str], dict[str, str]], "Command | subprocess.Popen[str]"] = Command,
    /,
    **variables: str,
) -> Iterator[Gateway]:
    """`front serve gateway` with this table, ready; it is killed at the end at the latest."""
    file = folder / "routes.toml"
    file.write_text(routes)
    (folder / "frontispiece.toml").touch()
    port = free_ports(1 + workers)
    environment = {
        **os.environ,
        "GATEWAY_SIGNING_KEY": signing_key,
        "GATEWAY_ADMIN": f"127.0.0.1:{port + 1}",
        "GATEWAY_DRAIN_DELAY": "0",
        **variables,
    }
    arguments = ["serve", "gateway", "--project", str(folder), "--port", str(port), "--workers", str(workers)]
    process = start(arguments, environment)
    try:
        gateway = Gateway(process, port, port + 1, workers, file)
        gateway.until_ready()
        yield gateway
    finally:
        process.kill()  # its workers end with it
        process.communicate()
