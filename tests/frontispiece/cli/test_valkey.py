import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import valkey

from frontispiece.cli.run.valkey import running_valkey
from frontispiece.server.child_process import ChildFailed
from frontispiece.server.supervisor import Supervisor
from tests.support.files import modes
from tests.support.waiting import eventually

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, or needs its kernel")

PARENT = """
import sys
from pathlib import Path
from frontispiece.cli.run.valkey import running_valkey

with running_valkey(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def client(url: str) -> valkey.Valkey:
    return valkey.Valkey.from_url(url, decode_responses=True)


def server_pid(url: str) -> int:
    with client(url) as connection:
        return int(connection.info("server")["process_id"])


def test_a_server_starts_wherever_temporary_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (deep := tmp_path / ("deep" * 30)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))

    with running_valkey(tmp_path / "data") as url, client(url) as connection:
        assert connection.ping()


def socket_of(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def gone(pid: int) -> bool:
    """Whether a process has ended, reaped by its parent or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_its_files_are_this_users_alone(tmp_path: Path, open_umask: None) -> None:
    with running_valkey(tmp_path) as url, client(url) as connection:
        connection.set("key", "value")
        files = modes(tmp_path)

    assert "valkey.log" in files
    assert any(name.endswith(".aof") for name in files)
    assert set(files.values()) == {0o600}


def test_data_survives_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "made" / "when missing"
    with running_valkey(data) as url, client(url) as connection:
        connection.set("greeting", "hello")

    with running_valkey(data) as url, client(url) as connection:
        assert connection.get("greeting") == "hello"


def test_after_the_block_its_process_and_its_socket_are_gone_and_its_log_is_kept(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as url:
        pid = server_pid(url)
        socket = socket_of(url)
        assert socket.is_socket()
        assert socket.parent.stat().st_mode & 0o777 == 0o700

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not socket.parent.exists()
    assert "Ready to accept connections" in (tmp_path / "valkey.log").read_text()


def test_it_listens_on_no_port(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as url, client(url) as connection:
        assert connection.config_get("port") == {"port": "0"}
        assert connection.info("server")["tcp_port"] == 0


def test_two_run_side_by_side_and_know_nothing_of_each_other(tmp_path: Path) -> None:
    with (
        running_valkey(tmp_path / "one") as one,
        running_valkey(tmp_path / "two") as two,
        client(one) as first,
        client(two) as second,
    ):
        first.set("greeting", "hello")
        assert second.get("greeting") is None


def test_a_server_that_cannot_start_is_a_failure_that_quotes_its_log(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as url, client(url) as connection:
        connection.set("greeting", "hello")
    next((tmp_path / "appendonlydir").glob("*.incr.aof")).write_bytes(b"this is no log of changes")

    with pytest.raises(ChildFailed, match="ended with status 1") as failure, running_valkey(tmp_path):
        pass

    assert "Bad file format reading the append only file" in str(failure.value)


def test_the_terminals_ctrl_c_does_not_reach_it(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as url:
        assert os.getsid(server_pid(url)) != os.getsid(0)


def test_a_killed_server_is_started_again_on_the_same_socket_with_the_same_data(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor()
    with running_valkey(tmp_path, supervisor=supervisor) as url, client(url) as connection:
        connection.set("greeting", "hello")
        connection.execute_command("WAITAOF", 1, 0, 5000)  # on disk, a second later at the latest
        os.kill(server_pid(url), signal.SIGKILL)

        def is_noticed() -> bool:
            supervisor.restart()
            return not supervisor.processes

        def is_back() -> bool:
            supervisor.restart()
            try:
                return bool(connection.get("greeting") == "hello")
            except valkey.ConnectionError:
                return False

        assert eventually(is_noticed)
        assert eventually(is_back)

    assert "Valkey was ended by SIGKILL: it is started again in 0.5 s" in caplog.text


@linux
def test_a_file_handed_over_stays_open_in_the_server(tmp_path: Path) -> None:
    with (
        (tmp_path / "lock").open("w") as lock,
        running_valkey(tmp_path, pass_fds=[lock.fileno()]) as url,
    ):
        opened = {link.resolve() for link in Path(f"/proc/{server_pid(url)}/fd").iterdir()}

    assert tmp_path / "lock" in opened


@linux
def test_a_server_ends_with_its_killed_parent_and_its_data_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3], text=True
    ) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        pid = server_pid(url)
        with client(url) as connection:
            connection.set("greeting", "hello")
        parent.send_signal(signal.SIGKILL)

    assert eventually(lambda: gone(pid))
    shutil.rmtree(socket_of(url).parent)
    with running_valkey(tmp_path) as url, client(url) as connection:
        assert connection.get("greeting") == "hello"
