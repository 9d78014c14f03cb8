"""Two route tables of our gateway, a small and a large one, out of a public API's path templates."""

import re
from collections.abc import Sequence
from pathlib import Path

from bench.processes import Missing
from bench.world import ROOT

SOURCE = ROOT.parent / "shared" / "data" / "routes-github.txt"
FEW, MANY = 36, 608

ROUTE = """
[[routes]]
path = "{path}"
to = "shop:/small"
auth = "bearer"
scopes = ["shop"]
rate_limit = {{ rate = "999999/second", by = "user" }}
timeout = "10s"
"""


def templates(count: int, source: Path = SOURCE) -> list[str]:
    """So many templates, spread evenly over all that there are.

    Raises:
        Missing: they are not on this machine.
    """
    if not source.is_file():
        raise Missing(f"{source.name} is not in {source.parent}")
    every = sorted(source.read_text(encoding="utf-8").split())
    return [every[number * len(every) // count] for number in range(count)]


def table(paths: Sequence[str]) -> str:
    """A route table with a route for each path, with every policy."""
    services = '[services.shop]\nurl = "registry://shop"\n'
    return services + "".join(ROUTE.format(path=path) for path in paths)


def requested_paths() -> tuple[str, ...]:
    """A path for each route of the small table: all of them are in the large one, too."""
    return (
        tuple(re.sub(r"\{(\w+)\}", r"\1-1", path) for path in templates(FEW)) if SOURCE.is_file() else ("/",)
    )
