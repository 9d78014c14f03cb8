"""The way of a page through gateway, pages and BFF stays short."""

import subprocess
import sys

MAX_CALLS = 604


def test_a_product_page_takes_at_most_so_many_first_party_calls() -> None:
    command = [sys.executable, "-m", "bench.frames"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    calls, name = printed.splitlines()[-1].split()
    assert name == "all"
    assert int(calls) <= MAX_CALLS, printed
