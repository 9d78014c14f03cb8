"""A request to a page, as its sources may see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from gateway.upstream import Context, Headers, field

CREDENTIALS: Final = frozenset({b"authorization", b"cookie"})
"""Headers that prove who a caller is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inbound:
    """The request: its headers (names in lower case), its query, and the context for calls made for it."""

    headers: Headers
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    context: Context

    def header(self, name: str) -> str | None:
        """The first header of this name (in lower case)."""
        value = field(self.headers, name.encode())
        return None if value is None else value.decode("latin-1")

    def of_nobody(self) -> Self:
        """The same request, had it come from nobody in particular: nothing in it proves who its caller is."""
        headers = [field for field in self.headers if field[0] not in CREDENTIALS]
        return replace(self, headers=headers, context=Context.of(headers, self.context.deadline))


Provider = Callable[[Inbound], Any]
"""Makes an input for one request, such as a service client bound to its context."""
