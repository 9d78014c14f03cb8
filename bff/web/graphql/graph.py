"""The graph, to which the other modules add fields."""

from pathlib import Path
from typing import Final

from frontispiece.graphql import Graph

FOLDER: Final = Path(__file__).parents[3] / "contracts" / "graphql" / "bff-web"
"""The schema and the persisted operations."""

graph = Graph("/graphql", deadline=2.0, folder=FOLDER)
