"""How an upstream is at this moment, as each of the transports around one another tells its part of it."""

from typing import Any, Protocol, runtime_checkable

from gateway.upstream.message import Transport

State = dict[str, Any]
"""Members of a JSON object."""


@runtime_checkable
class Telling(Protocol):
    """A transport that has something to tell."""

    def state(self) -> State:
        """What it knows, and what those inside it know."""
        ...


def state_of(transport: Transport) -> State:
    """What a transport tells, if it tells anything."""
    return transport.state() if isinstance(transport, Telling) else {}
