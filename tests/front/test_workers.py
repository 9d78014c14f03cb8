"""The gateway in several processes and with its admin port, run as production runs it."""

import os
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from front.sockets import bound
from tests.support.gateway_process import running_gateway
from tests.support.shop import ROOT, front

ROUTES = """
[services.nobody]
url = "http://127.0.0.1:1"

[[routes]]
path = "/gone"
to = "nobody"
auth = "none"
"""


def test_workers_share_the_port_and_each_has_an_admin_port_and_numbers_of_its_own(
    tmp_path: Path, signing_key: str
) -> None:
    with running_gateway(tmp_path, signing_key, ROUTES, 2) as gateway:
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
    with running_gateway(tmp_path, signing_key, ROUTES, 2) as gateway:
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
    with running_gateway(tmp_path, signing_key, ROUTES, workers) as gateway:
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
