"""How clients of httpx send, where traces are asked for."""

import httpx

from kit import telemetry


def transport() -> httpx.AsyncBaseTransport | None:
    """What a client sends by; None, which is httpx's own way, where no traces are asked for."""
    if not telemetry.is_on():
        return None
    from kit.tracing.over_httpx import TracedTransport  # noqa: PLC0415 (only where traces are asked for)

    return TracedTransport(trust_env=False)
