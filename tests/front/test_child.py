from pathlib import Path

import pytest

from front import child
from front.child import ChildFailed, running

STUBBORN = "trap '' TERM; echo deaf; while :; do sleep 0.05; done"


def test_a_program_that_does_not_end_by_itself_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "STOPS_WITHIN", 0.2)
    log = tmp_path / "log"

    with running(["/bin/sh", "-c", STUBBORN], log=log) as process:
        while "deaf" not in log.read_text():
            assert process.poll() is None

    assert process.returncode == -9


def test_what_a_program_prints_is_in_its_log_after_what_was_there(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for word in ("first", "second"):
        with running(["/bin/sh", "-c", f"echo {word}; echo to stderr >&2"], log=log) as process:
            assert process.wait() == 0

    assert log.read_text() == "first\nto stderr\nsecond\nto stderr\n"


def test_a_failure_quotes_only_the_end_of_a_long_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(1000)) + b"\xff the last\n")

    message = str(ChildFailed("It ended", log))

    assert message.startswith("It ended; the end of ")
    assert message.endswith("line 999\n\N{REPLACEMENT CHARACTER} the last")
    assert len(message.splitlines()) == 13
