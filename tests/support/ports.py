"""Ports that are found first and used later, when nobody else may have taken them meanwhile."""

import os
from random import randrange

from front.sockets import PortTaken, bound

FIRST, EACH = 20_000, 1_500
"""Below those that systems hand out by themselves; each process of a test run has its own part of them."""


def free_ports(count: int = 1) -> int:
    """The first of so many ports in a row that are free, and whoever takes just any gets others."""
    part = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    while True:
        first = FIRST + part * EACH + randrange(EACH - count)  # noqa: S311 (nothing is guarded by it)
        try:
            for port in range(first, first + count):
                bound(port).close()
        except PortTaken:
            continue
        return first
