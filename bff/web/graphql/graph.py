"""The graph, to which the other modules add fields."""

from pathlib import Path
from typing import Final

from frontispiece.graphql import Graph

ROOT: Final = Path(__file__).parents[3]

graph = Graph(
    "/graphql",
    deadline=2.0,
    folder=ROOT / "contracts" / "graphql" / "bff-web",
    clients={"web": ROOT / "clients" / "web"},
)
