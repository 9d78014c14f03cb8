"""The gateway in several processes and with its admin port, run as production runs it."""

import os
import signal
from pathlib import Path

from frontispiece.server.sockets import bound
from tests.support.front import run
from tests.support.gateway_process import answered, running_gateway
from tests.support.tables import route, route_table

CONNECTIONS = 120

ROUTES = route_table(route("/gone", to="nobody"), services={"nobody": "http://127.0.0.1:1"})


def test_workers_share_connections_evenly_and_each_has_an_admin_port_and_numbers_of_its_own(
    tmp_path: Path, signing_key: str
) -> None:
    with running_gateway(tmp_path, signing_key, ROUTES, 2) as gateway:
        for _ in range(CONNECTIONS):
            answered(f"{gateway.url}/gone")

        counted = gateway.counted()
        assert sum(counted) == CONNECTIONS
        assert min(counted) > CONNECTIONS / 5  # as good as certain, at even chances


def test_a_worker_that_is_killed_is_started_again_and_the_others_serve_meanwhile(
    tmp_path: Path, signing_key: str
) -> None:
    with running_gateway(tmp_path, signing_key, ROUTES, 2) as gateway:
        first, second = gateway.workers()
        os.kill(second, signal.SIGKILL)

        gateway.until(gateway.admin[1], lambda answer: answer is None)
        gateway.until(f"{gateway.url}/gone", lambda answer: answer is not None and answer.status_code == 503)
        gateway.until_ready()
        assert first in gateway.workers()
        assert second not in gateway.workers()
        assert len(gateway.workers()) == 2
        gateway.process.terminate()
        status, printed = gateway.end()

    assert status == 0
    assert "worker 2 of gateway was ended by SIGKILL: it is started again in 0.5 s" in printed


def test_workers_none_of_which_ever_served_end_the_command(tmp_path: Path) -> None:
    (tmp_path / "frontispiece.toml").touch()
    (tmp_path / "routes.toml").write_text("[services")
    done = run("serve", "gateway", "--project", tmp_path, "--port", "0", "--workers", "2")

    assert done.returncode == 1
    assert "routes.toml:1: Expected ']'" in done.stderr
    assert "of gateway ended with status 1" in done.stderr


def test_an_admin_port_that_is_taken_is_named_and_nothing_is_served(tmp_path: Path, signing_key: str) -> None:
    (tmp_path / "routes.toml").write_text(ROUTES)
    (tmp_path / "frontispiece.toml").touch()
    with bound() as taken:
        taken.listen()
        port = taken.getsockname()[1]
        variables = {"GATEWAY_SIGNING_KEY": signing_key, "GATEWAY_ADMIN": f"127.0.0.1:{port}"}
        done = run("serve", "gateway", "--project", tmp_path, "--port", "0", **variables)

    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is not free" in done.stderr


def test_only_roles_that_may_be_many_have_workers() -> None:
    done = run("serve", "catalog", "--workers", "2")

    assert done.returncode == 1
    said = "catalog has no workers: only the gateway and mounted apps have"
    assert f"{said} (gateway, bff-web, bff-operator, bff-mobile, bff-agent)." in done.stderr
