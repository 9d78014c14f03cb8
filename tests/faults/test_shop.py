"""The whole shop under the monkey, shorter than `make faults`: what must hold holds."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shop import ROOT

PLAN = ["--orders", "40", "--kills", "8", "--interval", "0.8", "--seed", "11"]

pytestmark = pytest.mark.e2e


def run(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`python -m tests.faults` with these options."""
    command = [sys.executable, "-m", "tests.faults", *options, "--data", str(data)]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


def test_no_order_is_lost_doubled_or_oversold_whatever_is_killed(tmp_path: Path) -> None:
    done = run(tmp_path / "data", *PLAN, "--doubled", "0.02")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "40 orders accepted" in done.stdout


def test_no_order_stays_pending_and_nobody_buys_twice_when_ordering_alone_is_killed_eight_times(
    tmp_path: Path,
) -> None:
    done = run(tmp_path / "data", *PLAN, "--victims", "ordering", "--actions", "SIGKILL")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "40 orders accepted" in done.stdout
    assert done.stdout.count("SIGKILL ordering") == 8


@pytest.mark.parametrize(
    ("mechanism", "violation"),
    [
        ("outbox", "has not ended"),
        ("inbox", "has not handled"),
        ("idempotency-key", "authorisations are neither captured nor void"),
    ],
)
def test_the_checker_finds_that_a_mechanism_is_missing(
    tmp_path: Path, mechanism: str, violation: str
) -> None:
    options = ["--orders", "8", "--seed", "5", "--doubled", "0.3", "--rest", "5"]

    done = run(tmp_path / "data", *options, "--without", mechanism)

    assert (done.returncode, violation in done.stdout) == (1, True), done.stdout + done.stderr
