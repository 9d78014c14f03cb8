"""Clients of Valkey, whose commands are traced where traces are asked for."""

import valkey.asyncio

from kit import telemetry


def client_of(pool: valkey.asyncio.ConnectionPool) -> valkey.asyncio.Valkey:
    """The client with these connections; it closes them when it is closed."""
    if not telemetry.is_on():
        return valkey.asyncio.Valkey.from_pool(pool)
    from kit.tracing.valkey_client import TracedValkey  # noqa: PLC0415 (only where traces are asked for)

    return TracedValkey.from_pool(pool)
