"""What a BFF serves beside its pages: APIs whose functions take clients as the sources of pages do."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from frontispiece.http.asgi import Receive, Scope, Send
from frontispiece.pages.compiled import CompiledPage
from frontispiece.pages.endpoint import Endpoint, SkipOptional
from frontispiece.pages.page import Source
from frontispiece.pages.request import Identify, PageRequest, Provider
from frontispiece.pages.usage import Usage
from frontispiece.stores.valkey import BestEffortValkey
from frontispiece.upstream import Reply

WebSocket = Callable[[PageRequest, Scope, Receive, Send], Awaitable[None]]
"""Serves a WebSocket, by its handshake and what ASGI gives."""


class ApiEndpoint(Protocol):
    """What an app serves beside its pages: an API at one path, such as GraphQL."""

    @property
    def path(self) -> str:
        """Its path."""
        ...

    @property
    def methods(self) -> tuple[str, ...]:
        """Its HTTP methods."""
        ...

    @property
    def deadline(self) -> float:
        """Seconds until it responds."""
        ...

    @property
    def pages(self) -> Sequence[CompiledPage]:
        """What its functions run as: by these they are counted and traced."""
        ...

    @property
    def usage(self) -> Usage | None:
        """Counts what its operations cost; None for what has none."""
        ...

    skip_optional: SkipOptional | None
    """Whether to do without optional sources now; None for never."""

    async def reply(self, request: PageRequest, body: bytes | AsyncIterator[bytes]) -> Reply:
        """The response.

        Raises:
            Problem: the request is refused.
        """
        ...

    @property
    def websocket(self) -> WebSocket | None:
        """Serves a WebSocket at its path; None for no WebSockets."""
        ...

    def check(self) -> None:
        """Check what is only made by the first request.

        Raises:
            ConfigError: it cannot work; every error is listed.
        """
        ...


@dataclass(frozen=True, slots=True)
class ApiParts:
    """What a BFF gives to its APIs.

    Args:
        app: its name.
        providers: make a client of each type for a request, and the caller's `Identity`.
        identify: adds the caller to requests.
        shared: the cache that processes share; None without one.
        accept_any_document: whether clients may send documents of their own.
        pages: its pages.
        secret: what its processes share and nobody else knows; empty without a signing key.
    """

    app: str
    providers: Mapping[Any, Provider]
    identify: Identify
    shared: BestEffortValkey | None
    accept_any_document: bool = field(kw_only=True)
    pages: Sequence[Endpoint] = field(kw_only=True, default=())
    secret: bytes = field(kw_only=True, default=b"", repr=False)


class Api(Protocol):
    """An API that a BFF serves beside its pages, of functions that take clients as sources do."""

    @property
    def sources(self) -> Sequence[Source]:
        """Its functions with their policies."""
        ...

    def endpoints(self, parts: ApiParts) -> Sequence[ApiEndpoint]:
        """What serves it.

        Raises:
            ConfigError: it cannot work; every error is listed.
        """
        ...
