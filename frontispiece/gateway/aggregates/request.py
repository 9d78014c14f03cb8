"""A request to an aggregate, as its parts see it."""

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

from msgspec import Raw, field

from frontispiece.gateway.aggregates.cache_headers import CacheHeaders
from frontispiece.pages import PageRequest
from frontispiece.upstream import Upstream


def pairs_of(query: str) -> dict[str, list[str]]:
    """The pairs of a query as they are written, such as `page%5Bsize%5D=2`, by their decoded names."""
    pairs: dict[str, list[str]] = {}
    for pair in query.split("&"):
        if pair:
            pairs.setdefault(unquote_plus(pair.partition("=")[0]), []).append(pair)
    return pairs


class AggregateRequest(PageRequest, frozen=True, kw_only=True, eq=False):
    """The request, the services of the table, and the caching headers of their responses so far.

    `query_pairs` are the pairs of the query as the client wrote them, by their decoded names.
    """

    query_pairs: Mapping[str, Sequence[str]]
    upstreams: Mapping[str, Upstream]
    cache_headers: CacheHeaders = field(default_factory=CacheHeaders)

    def forwarded_query(self, names: Iterable[str]) -> list[str]:
        """The request's query parameters of these names, as the client wrote them."""
        return [pair for name in names for pair in self.query_pairs.get(name, ())]

    def get_json(self, service: str, target: str) -> Coroutine[Any, Any, Raw]:
        """The JSON that a service responds with.

        Raises:
            UpstreamError: it responds with none.
        """
        return self.upstreams[service].within(self.context).raw(target, self.cache_headers.add)
