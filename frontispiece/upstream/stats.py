"""What transports report about themselves, for operators and for metrics."""

from typing import Any, Protocol, Self, runtime_checkable

from frontispiece.http.messages import Transport

State = dict[str, Any]
"""Members of a JSON object."""


@runtime_checkable
class Stateful(Protocol):
    """A transport that reports about itself and the transports within."""

    def state(self) -> State:
        """Diagnostics as members of a JSON object."""
        ...


class TransportWrapper:
    """The base of a transport around another one: opened, closed and reported together."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner

    async def __aenter__(self) -> Self:
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.inner.__aexit__(*exc)

    def state(self) -> State:
        """The diagnostics of the transport within, if it reports any."""
        return self.inner.state() if isinstance(self.inner, Stateful) else {}
