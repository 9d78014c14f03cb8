"""A request to a page, as its sources may see it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from frontispiece.http.headers import without_credentials
from frontispiece.security import Identity
from frontispiece.upstream import Context, Headers


class PageRequest(Struct, frozen=True, kw_only=True, eq=False):
    """The request: its headers (names in lower case), path parameters, query, and the context of its calls.

    `fields` are the headers by name, several lines of one name as one list (RFC 9110, 5.3). `identity` is the
    verified caller, None for an anonymous one.
    """

    headers: Headers
    fields: Mapping[bytes, bytes]
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    context: Context
    method: str = "GET"
    identity: Identity | None = None

    def header(self, name: str) -> str | None:
        """The header of this name (in lower case)."""
        value = self.fields.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def until(self, deadline: float) -> Self:
        """The same request with another deadline, in the event loop's time, seconds."""
        return replace(self, context=replace(self.context, deadline=deadline))

    def without_credentials(self) -> Self:
        """The same request from an anonymous caller."""
        headers = without_credentials(self.headers)
        context = replace(Context.of(headers, self.context.deadline), calls=self.context.calls)
        return replace(self, headers=headers, fields=by_name(headers), context=context, identity=None)


def by_name(headers: Headers) -> Mapping[bytes, bytes]:
    """Header fields by name, several lines of one name as one list."""
    fields = dict(headers)
    if len(fields) < len(headers):
        fields = {}
        for name, value in headers:
            fields[name] = b"%b, %b" % (fields[name], value) if name in fields else value
    return fields


Provider = Callable[[PageRequest], Any]
"""Makes an input for one request, such as a service's client bound to its context."""

Identify = Callable[[PageRequest], PageRequest]
"""Adds the caller to a request. Raises `Problem` 401 when its token is not valid."""
