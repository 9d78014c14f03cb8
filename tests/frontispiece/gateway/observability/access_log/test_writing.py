"""Lines reach their place, and a place that is slow or broken costs lines and nothing else."""

import json
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from frontispiece.errors import ConfigError
from frontispiece.gateway.observability.access_log import AccessLog, AccessLogSettings
from frontispiece.gateway.observability.access_log.writer import LineWriter
from frontispiece.upstream import LifespanFailed
from tests.support.files import modes


def written(path: Path) -> list[int]:
    return [json.loads(line)["n"] for line in path.read_text().splitlines()]


def test_every_line_is_there_in_order_when_the_log_is_closed(tmp_path: Path) -> None:
    writer = LineWriter(str(tmp_path / "log"))
    writer.start()
    for n in range(1000):
        writer.put({"n": n})
    writer.stop()

    assert written(tmp_path / "log") == list(range(1000))
    assert (writer.written, writer.overflowed, writer.lost) == (1000, 0, 0)


def test_the_file_is_its_owners_alone(tmp_path: Path, open_umask: None) -> None:
    writer = LineWriter(str(tmp_path / "log"))
    writer.start()
    writer.stop()

    assert modes(tmp_path) == {"log": 0o600}


def test_a_file_that_is_moved_away_is_made_anew(tmp_path: Path) -> None:
    path, moved = tmp_path / "log", tmp_path / "log.1"
    first = LineWriter(str(path))
    first.start()
    path.rename(moved)
    first.put({"n": 1})
    first.stop()

    assert written(path) == [1]
    assert written(moved) == []


def test_a_pipe_that_is_not_read_costs_lines_and_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontispiece.gateway.observability.access_log.writer.CLOSE_TIMEOUT", 0.01)
    monkeypatch.setattr("frontispiece.gateway.observability.access_log.writer.MAX_WAITING", 10)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    others = threading.enumerate()
    writer = LineWriter(str(pipe))
    writer.start()
    for n in range(5000):  # a pipe takes 64 KiB
        writer.put({"n": n, "more": "x" * 1000})
    writer.stop()

    assert writer.overflowed > 1000
    while set(threading.enumerate()) - set(others):  # what the writer's thread says is of no other test
        with suppress(BlockingIOError):
            os.read(reader, 1 << 16)
    os.close(reader)


async def test_lines_that_cannot_be_written_are_counted_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = AccessLog(AccessLogSettings(access_log=str(folder / "log")), b"secret")
    registry = CollectorRegistry()
    registry.register(log)
    async with log:
        (folder / "log").unlink()
        folder.rmdir()
        for n in range(3):
            log.writer.put({"n": n})

    metrics = generate_latest(registry).decode()
    assert 'gateway_access_log_dropped_total{reason="unwritable"} 3.0' in metrics
    assert 'gateway_access_log_dropped_total{reason="overflow"} 0.0' in metrics
    assert "gateway_access_log_lines_total 0.0" in metrics
    assert [record.levelname for record in caplog.records if "access log" in record.message] == ["ERROR"]


async def test_a_place_that_cannot_be_opened_keeps_the_gateway_from_starting(tmp_path: Path) -> None:
    log = AccessLog(AccessLogSettings(access_log=str(tmp_path / "missing" / "log")), b"secret")

    with pytest.raises(LifespanFailed, match="GATEWAY_ACCESS_LOG"):
        await log.__aenter__()


def test_the_standard_output_is_a_place(capfd: pytest.CaptureFixture[str]) -> None:
    writer = LineWriter("stdout")
    writer.start()
    writer.put({"n": 1})
    writer.stop()

    assert capfd.readouterr().out == '{"n":1}\n'


@pytest.mark.parametrize("text", ["", "on", "STDOUT", "access.log"])
def test_what_is_no_place_is_refused_by_the_variables_name(text: str) -> None:
    with pytest.raises(ConfigError, match="GATEWAY_ACCESS_LOG: "):
        AccessLogSettings(access_log=text)
