"""The scenarios: the requests to candidates, and the right answers."""

import json
from dataclasses import dataclass

from bench.data import BIG, SMALL, Document, filled, levels_shown, list_shown, three_shown
from bench.routes import requested_paths

SLOW = 0.02
"""Seconds that the upstream takes in the scenarios where it is slow."""

PASSING = ("ours", "fastify", "fastapi", "nginx", "caddy", "traefik", "envoy")
PAGING = ("ours", "apart", "bff", "fastify", "fastapi")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One scenario.

    Args:
        name: on the command line.
        title: in the results.
        path: what is asked for.
        expected: the answer: bytes to the byte, a document by its values.
        candidates: who is asked.
        brief: whether it is asked when there is little time.
        connections: so many requests are under way at any time.
        delay: seconds that the upstream takes to answer.
        paths: asked for in turn, if there are several; `path` is one of them.
    """

    name: str
    title: str
    path: str
    expected: bytes | Document
    candidates: tuple[str, ...] = PAGING
    connections: int = 64
    delay: float = 0.0
    paths: tuple[str, ...] = ()
    brief: bool = True

    @property
    def length(self) -> int:
        """Bytes that a right answer's body has at least."""
        if isinstance(self.expected, bytes):
            return len(self.expected)
        return len(json.dumps(self.expected, separators=(",", ":")))


def _pages(suffix: str, title: str, delay: float, factor: int) -> list[Scenario]:
    return [
        Scenario(
            name=f"three{suffix}",
            title=f"Page of 3 independent sources{title}",
            path="/pages/three",
            expected=three_shown(),
            connections=64 * factor,
            delay=delay,
        ),
        Scenario(
            name=f"levels{suffix}",
            title=f"Page of 2 levels{title}",
            path="/pages/levels/p1",
            expected=levels_shown("p1"),
            connections=64 * factor,
            delay=delay,
            brief=not delay,
        ),
        Scenario(
            name=f"list{suffix}",
            title=f"Page of a 50-item list{title}",
            path="/pages/list",
            expected=list_shown(),
            connections=16 * factor,
            delay=delay,
            brief=not delay,
        ),
    ]


SCENARIOS = [
    Scenario(
        name="small",
        title="Pass-through, 0.5 KiB",
        path="/pass/small",
        expected=filled(SMALL),
        candidates=PASSING,
    ),
    Scenario(
        name="big", title="Pass-through, 100 KiB", path="/pass/big", expected=filled(BIG), candidates=PASSING
    ),
    *_pages("", "", 0.0, 1),
    Scenario(
        name="hanging",
        title="Page of 3 sources, an optional one hangs",
        path="/pages/hanging",
        expected=three_shown(hanging=True),
        connections=512,
    ),
    Scenario(
        name="routes",
        title="Pass-through, by the size of the route table",
        path=requested_paths()[0],
        expected=filled(SMALL),
        candidates=("few", "many"),
        paths=requested_paths(),
    ),
    *_pages("-slow", ", upstreams answer in 20 ms", SLOW, 4),
]
