"""Connection pools of Valkey, bounded in size and time, and the URLs that lead to one."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator

from frontispiece import telemetry
from frontispiece.extras import extra

if TYPE_CHECKING:
    import valkey.asyncio

OFF: Final = "off"
"""The value of a setting that means no Valkey."""

_URL: Final = re.compile(r"unix:///\S+|valkeys?://[^\s/]+(/[0-9]*)?(\?\S*)?")


def _check_url(url: str) -> str:
    if url != OFF and not _URL.fullmatch(url):
        raise ValueError('write "unix://path", "valkey://host:port/number", "valkeys://…", or "off"')
    return url


ValkeyUrl = Annotated[str, AfterValidator(_check_url)]
"""A setting: `unix://path`, `valkey://host:port/number`, `valkeys://…` with TLS, or `off`."""


def valkey_client(
    url: str, *, timeout: float, max_connections: int, retry: bool = True, **options: Any
) -> "valkey.asyncio.Valkey":
    """A client, which connects when it is first used; close it with `aclose`.

    Args:
        url: see `ValkeyUrl`.
        timeout: seconds for the server to accept a connection, for its response, and for a connection of the
            pool to become free.
        max_connections: the size of the pool.
        retry: whether a command is sent once more when its connection turns out to be closed, as
            idle ones are after a restart of the server.
        options: of the connections.

    Raises:
        MissingExtra: the extra `valkey` is not installed.
    """
    with extra("valkey"):
        import valkey.asyncio  # noqa: PLC0415 (a gateway may do without)
        from valkey.asyncio.retry import Retry  # noqa: PLC0415
        from valkey.backoff import NoBackoff  # noqa: PLC0415
    if retry:
        options |= {"retry": Retry(NoBackoff(), 1), "retry_on_error": [valkey.ConnectionError]}
    pool = valkey.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=max_connections,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        **options,
    )
    if not telemetry.is_on():
        return valkey.asyncio.Valkey.from_pool(pool)
    from frontispiece.telemetry.valkey import TracedValkey  # noqa: PLC0415 (only with traces)

    return TracedValkey.from_pool(pool)
