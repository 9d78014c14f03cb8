"""GraphQL over the clients of a BFF: the same loaders, caches, deadlines and identity as its pages.

Stability: provisional.
"""

from frontispiece.graphql.graph import Graph, Limits

__all__ = ["Graph", "Limits"]
