"""A running command serves another table: at SIGHUP, when its file changes, and when it is asked to."""

import fcntl
import signal
import subprocess
from pathlib import Path

import pytest

from frontispiece.cli.client.admin import find_address
from frontispiece.cli.run.data_folder import RunAddresses, announced, locked, run_addresses
from frontispiece.errors import ConfigError
from tests.support.front import run
from tests.support.gateway_process import Gateway, answered, running_gateway
from tests.support.tables import route, route_table

ROUTES = route_table(route("/%s", to="nobody"), services={"nobody": "http://127.0.0.1:1"})

OLD, NEW = ROUTES % "old", ROUTES % "new"


def status(gateway: Gateway, path: str) -> int:
    answer = answered(f"{gateway.url}{path}")
    assert answer is not None
    return answer.status_code


def reload(gateway: Gateway, workers: int = 1) -> subprocess.CompletedProcess[str]:
    admin = gateway.admin[0].removeprefix("http://").removesuffix("/metrics")
    return run("reload", "--admin", admin, "--workers", str(workers))


def test_the_admin_port_of_a_run_gets_its_token_and_no_other_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATEWAY_ADMIN_TOKEN", raising=False)
    (tmp_path / "frontispiece.toml").write_text('[apps.far]\nurl = "http://far.test"\n')
    (tmp_path / "run.json").write_text('{"url": "http://127.0.0.1:2", "admin": "127.0.0.1:1"}')
    (tmp_path / "secrets.json").write_text('{"GATEWAY_ADMIN_TOKEN": "secret"}')
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for named in [None, "127.0.0.1:1", "http://127.0.0.1:1/"]:
            assert find_address(named, tmp_path, tmp_path) == ("127.0.0.1:1", "secret")
        assert find_address("127.0.0.1:2", tmp_path, tmp_path) == ("127.0.0.1:2", "")
    with pytest.raises(ConfigError, match="has crashed, and nothing runs now"):
        find_address(None, tmp_path, tmp_path)
    assert find_address("127.0.0.1:1", tmp_path, tmp_path) == ("127.0.0.1:1", "")


def test_a_run_that_starts_has_no_addresses_until_it_says_them(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"url": "http://127.0.0.1:2", "admin": "127.0.0.1:1"}')
    here = RunAddresses(url="http://127.0.0.1:3", admin=None)
    with locked(tmp_path):
        assert run_addresses(tmp_path) is None
        with announced(tmp_path, here):
            assert run_addresses(tmp_path) == here
            (tmp_path / "run.json").write_text('{"url"')
            assert run_addresses(tmp_path) is None


def test_sighup_reaches_every_worker(tmp_path: Path, signing_key: str) -> None:
    with running_gateway(tmp_path, signing_key, OLD, 2, GATEWAY_WATCH="false") as gateway:
        gateway.routes.write_text(NEW)
        gateway.process.send_signal(signal.SIGHUP)

        for admin in gateway.admin:
            shown = f"{admin.removesuffix('/metrics')}/admin/routes"
            gateway.until(shown, lambda answer: answer is not None and "/new" in answer.text)
        assert (status(gateway, "/new"), status(gateway, "/old")) == (503, 404)
        assert gateway.counted('gateway_reload_total{outcome="done"}') == [1, 1]


def test_a_lone_process_serves_a_new_table_and_a_faulty_one_changes_nothing_and_is_counted_and_logged(
    tmp_path: Path, signing_key: str
) -> None:
    with running_gateway(tmp_path, signing_key, OLD, GATEWAY_WATCH="false") as gateway:
        gateway.routes.write_text(NEW)
        gateway.process.send_signal(signal.SIGHUP)
        gateway.until(f"{gateway.url}/new", lambda answer: answer is not None and answer.status_code == 503)
        gateway.routes.write_text(NEW.replace("none", "maybe"))
        gateway.process.send_signal(signal.SIGHUP)
        faulty = 'gateway_reload_total{outcome="faulty"} 1.0'
        gateway.until(gateway.admin[0], lambda answer: answer is not None and faulty in answer.text)

        assert (status(gateway, "/new"), status(gateway, "/old")) == (503, 404)
        gateway.process.terminate()
        _, printed = gateway.end()
    assert "route 1 (/new): auth" in printed
    assert "the previous one stays in force" in printed


def test_a_change_of_the_file_is_served(tmp_path: Path, signing_key: str) -> None:
    with running_gateway(tmp_path, signing_key, OLD) as gateway:
        gateway.routes.write_text(NEW)

        gateway.until(f"{gateway.url}/new", lambda answer: answer is not None and answer.status_code == 503)
        assert status(gateway, "/old") == 404


def test_front_reload_has_every_worker_read_the_table_and_names_its_faults(
    tmp_path: Path, signing_key: str
) -> None:
    with running_gateway(tmp_path, signing_key, OLD, 2, GATEWAY_WATCH="false") as gateway:
        gateway.routes.write_text(NEW)
        done, again = reload(gateway, 2), reload(gateway, 2)
        assert (done.returncode, again.returncode) == (0, 0)
        assert done.stdout.count("the table is served as it is now") == 2
        assert again.stdout.count("this table is in force already") == 2
        assert (status(gateway, "/new"), status(gateway, "/old")) == (503, 404)

        gateway.routes.write_text(OLD.replace("none", "maybe").replace('to = "nobody"', "to = 5"))
        faulty = reload(gateway)
        assert faulty.returncode == 1
        assert "route 1 (/old): auth" in faulty.stderr
        assert "route 1 (/old): to" in faulty.stderr
        assert status(gateway, "/new") == 503
