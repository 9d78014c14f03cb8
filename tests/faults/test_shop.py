"""The whole shop under the monkey, shorter than `make faults`: what must hold holds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.driver import VICTIMS
from tests.faults.moving import MOVER
from tests.faults.sabotage import MECHANISMS
from tests.support.shop import ROOT

pytestmark = pytest.mark.e2e


def run(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`python -m tests.faults` with these options."""
    command = [sys.executable, "-m", "tests.faults", *options, "--data", str(data)]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


def test_no_order_is_lost_doubled_or_oversold_whatever_is_killed_while_buckets_move(tmp_path: Path) -> None:
    plan = ["--orders", "30", "--kills", "10", "--interval", "0.8", "--seed", "1996", "--doubled", "0.02"]

    done = run(tmp_path / "data", *plan, "--moved", "40", "--victims", *VICTIMS, MOVER)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "30 orders accepted" in done.stdout
    assert done.stdout.count("SIGKILL ordering") >= 3
    assert done.stdout.count("SIGKILL mover") >= 1


FOUND = {
    "inbox": r"\w+ has not handled shop\.",
    "outbox": r"placed 1 times, published as 0 events",
    "idempotency-key": r" -?([2-9]|\d\d) (authorisations|captures)",
}
"""What only the lack of this mechanism leaves in the ledgers."""


def test_the_checker_finds_each_mechanism_that_is_missing(tmp_path: Path) -> None:
    plan = ["--orders", "8", "--seed", "5", "--doubled", "0.3", "--rest", "6"]

    done = run(tmp_path / "data", *plan, "--without", *MECHANISMS)

    found = {mechanism for mechanism, sentence in FOUND.items() if re.search(sentence, done.stdout)}
    assert (done.returncode, found) == (1, set(MECHANISMS)), done.stdout + done.stderr
