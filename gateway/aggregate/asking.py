"""A request to an aggregate: its parts ask services by it, and it keeps what these say for caches."""

from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Raw

from gateway.aggregate.merge import Heard
from gateway.page import Inbound
from gateway.upstream import Upstream


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking(Inbound):
    """The request, with the services that may be asked for it and an ear for their headers."""

    upstreams: Mapping[str, Upstream]
    heard: Heard = field(default_factory=Heard)

    def passed_on(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Those of the request's query parameters that have these names."""
        return [(name, value) for name in names for value in self.query.get(name, ())]

    def ask(self, service: str, target: str) -> Coroutine[Any, Any, Raw]:
        """The JSON that a service answers.

        Raises:
            UpstreamError: it gives none.
        """
        return self.upstreams[service].within(self.context).raw(target, self.heard.note)
