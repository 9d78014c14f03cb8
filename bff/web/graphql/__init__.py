"""The web client's GraphQL API: what its pages show, for screens that need another cut of it."""

from bff.web.graphql import catalog, orders
from bff.web.graphql.graph import graph

__all__ = ["catalog", "graph", "orders"]
