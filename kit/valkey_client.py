"""Clients of Valkey: so many connections, none waited for too long, and traced where traces are asked for."""

from typing import Any

import valkey.asyncio
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff

from kit import telemetry


def client_of(
    url: str, *, answers_within: float, connections: int, again: bool = True, **options: Any
) -> valkey.asyncio.Valkey:
    """A client, which connects when it is first used; close it with `aclose`.

    Args:
        url: `unix://path`, `valkey://host:port/number` or, with TLS, `valkeys://…`.
        answers_within: seconds for the server to take a connection, and to answer; and for one of the
            connections to become free.
        connections: how many there are at most.
        again: whether a command is tried once more when its connection turns out to be closed. A server that
            was restarted has closed all that are kept.
        options: of the connections.
    """
    if again:
        options |= {"retry": Retry(NoBackoff(), 1), "retry_on_error": [valkey.ConnectionError]}
    pool = valkey.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=answers_within,
        socket_timeout=answers_within,
        socket_connect_timeout=answers_within,
        **options,
    )
    if not telemetry.is_on():
        return valkey.asyncio.Valkey.from_pool(pool)
    from kit.tracing.valkey_client import TracedValkey  # noqa: PLC0415 (only where traces are asked for)

    return TracedValkey.from_pool(pool)
