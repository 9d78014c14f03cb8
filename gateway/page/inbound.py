"""A request to a page, as its sources may see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.upstream import Context, Headers


@dataclass(frozen=True, kw_only=True, slots=True)
class Inbound:
    """The request: its headers (names in lower case), its query, and the context for calls made for it."""

    headers: Headers
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    context: Context

    def header(self, name: str) -> str | None:
        """The first header of this name (in lower case)."""
        wanted = name.encode()
        return next((value.decode("latin-1") for known, value in self.headers if known == wanted), None)


Provider = Callable[[Inbound], Any]
"""Makes an input for one request, such as a service client bound to its context."""
