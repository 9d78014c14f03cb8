"""The embedded NATS server."""

import json
import os
import signal
import socket
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import nats
import pytest

from frontispiece.cli.run.nats import read_addresses, running_nats
from frontispiece.server.child_process import ChildFailed
from frontispiece.server.supervisor import Supervisor
from tests.support.files import modes
from tests.support.waiting import eventually


def monitored(monitor_url: str, page: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{monitor_url}/{page}") as response:  # noqa: S310 (the server is ours)
        document: dict[str, object] = json.load(response)
    return document


async def publish(url: str, data: bytes) -> None:
    async with await nats.connect(url) as connection:
        streams = connection.jetstream()
        await streams.add_stream(name="THINGS", subjects=["things.>"])
        await streams.publish("things.added", data)


async def last_published(url: str) -> bytes:
    async with await nats.connect(url) as connection:
        message = await connection.jetstream().get_last_msg("THINGS", "things.added")
    assert message.data is not None
    return message.data


async def test_a_message_survives_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "made" / "when missing"
    with running_nats(data) as server:
        await publish(server.url, b"one")

    with running_nats(data) as server:
        assert await last_published(server.url) == b"one"


def test_a_message_is_on_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    with running_nats(tmp_path) as server:
        config = monitored(server.monitor_url, "jsz")["config"]

    assert isinstance(config, dict)
    assert config["sync_always"] is True


def test_a_client_whose_process_is_busy_has_time_to_log_in(tmp_path: Path) -> None:
    with running_nats(tmp_path) as server:
        assert monitored(server.monitor_url, "varz")["auth_timeout"] == 20


async def test_its_files_are_this_users_alone(tmp_path: Path, open_umask: None) -> None:
    with running_nats(tmp_path) as server:
        await publish(server.url, b"one")
        files = modes(tmp_path)

    assert {"nats.log", "addresses.json"} <= files.keys()
    assert set(files.values()) == {0o600}


def test_it_wants_its_password_and_listens_on_this_machine_alone(tmp_path: Path) -> None:
    with running_nats(tmp_path) as server:
        where = urlsplit(server.url)
        refusals = []
        for credentials in (b"{}", b'{"user": "front", "pass": "wrong"}'):
            with socket.create_connection(("127.0.0.1", where.port or 0), timeout=5) as connection:
                connection.sendall(b"CONNECT " + credentials + b"\r\nPING\r\n")
                refusals.append(b"".join(iter(lambda: connection.recv(4096), b"")))

    assert all(refusal.endswith(b"-ERR 'Authorization Violation'\r\n") for refusal in refusals)
    assert where.hostname == urlsplit(server.monitor_url).hostname == "127.0.0.1"


async def test_two_run_side_by_side_and_know_nothing_of_each_other(tmp_path: Path) -> None:
    with running_nats(tmp_path / "one") as one, running_nats(tmp_path / "two") as two:
        await publish(one.url, b"one")
        await publish(two.url, b"two")

        assert await last_published(one.url) == b"one"


def test_its_addresses_are_in_its_folder_while_it_runs(tmp_path: Path) -> None:
    with running_nats(tmp_path) as server:
        assert read_addresses(tmp_path) == server

    assert read_addresses(tmp_path) is None


def test_a_server_that_cannot_start_is_a_failure_that_quotes_its_log(tmp_path: Path) -> None:
    (tmp_path / "jetstream").write_bytes(b"this is no folder")

    with pytest.raises(ChildFailed, match="ended with status 1") as failure, running_nats(tmp_path):
        pass

    assert "jetstream" in str(failure.value).lower()


async def test_a_killed_server_is_started_again_on_the_same_ports_with_the_same_data(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor()
    with running_nats(tmp_path, supervisor=supervisor) as server:
        await publish(server.url, b"one")
        os.kill(supervisor.processes["NATS"].pid, signal.SIGKILL)
        where = ("127.0.0.1", urlsplit(server.url).port)

        def is_noticed() -> bool:
            supervisor.restart()
            return not supervisor.processes

        def is_back() -> bool:
            supervisor.restart()
            with socket.socket() as probe:
                return probe.connect_ex(where) == 0

        assert eventually(is_noticed)
        assert eventually(is_back)
        assert await last_published(server.url) == b"one"
        assert monitored(server.monitor_url, "healthz") == {"status": "ok"}

    assert "NATS was ended by SIGKILL: it is started again in 0.5 s" in caplog.text
