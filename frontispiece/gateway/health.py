"""`/health/live` and `/health/ready` of the gateway itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from frontispiece.http.messages import Reply
from frontispiece.http.problems import Problem
from frontispiece.upstream import UpstreamError

log = logging.getLogger(__name__)

IsReady = Callable[[], Awaitable[bool]]
"""Asks one service."""

LIVE: Final = b"/health/live"
PATHS: Final = frozenset({LIVE, b"/health/ready"})


async def check(path: bytes, services: Mapping[str, IsReady], *, stopping: bool) -> Reply:
    """The response at one of `PATHS`.

    Raises:
        Problem: 503 `not-ready`, or `stopping`: new calls belong elsewhere.
    """
    if path == LIVE:
        return _status(b'{"status":"live"}')
    if stopping:
        raise Problem(503, "stopping", "This gateway stops.", headers={"Retry-After": "1"})
    return await ready(services)


async def ready(services: Mapping[str, IsReady]) -> Reply:
    """Every one of these services answers that it is ready.

    The issuer and the Valkey of sessions are not asked: without them, routes that need no caller are still
    served, known keys and verified tokens hold, and the rest is answered 503. If their failure made every
    gateway unready, all routes would be.

    Raises:
        Problem: 503 `not-ready`, naming the services that are not.
    """
    answers = await asyncio.gather(*(_is_ready(*service) for service in services.items()))
    if missing := sorted(name for name, answer in zip(services, answers, strict=True) if not answer):
        detail = (
            f"Not ready: {', '.join(missing)}. The `health` path of each in the table must respond with 200: "
            "`health = 'none'` is for a service without one, `needed = false` for one that may be away."
        )
        raise Problem(503, "not-ready", detail, headers={"Retry-After": "1"}, services=missing)
    return _status(b'{"status":"ready"}')


async def _is_ready(name: str, is_ready: IsReady) -> bool:
    try:
        return await is_ready()
    except UpstreamError as failure:
        log.info("%s is not ready: %s", name, failure)
        return False


def _status(content: bytes) -> Reply:
    return Reply.whole(
        200, content, [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    )
