"""`/health/live` and `/health/ready` of the gateway itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from gateway.upstream import Reply, Upstream, UpstreamError
from kit.problems import Problem

log = logging.getLogger(__name__)

Check = Callable[[Mapping[str, Upstream]], Awaitable[Reply]]


async def live(_upstreams: Mapping[str, Upstream]) -> Reply:
    """The process answers."""
    return _said(b'{"status":"live"}')


async def ready(upstreams: Mapping[str, Upstream]) -> Reply:
    """Every one of these services answers that it is ready.

    The issuer of tokens and the keeper of sessions are not asked: without them, what needs no caller is still
    served, known keys and verdicts hold, and the rest is told 503. Were all gateways taken out of service for
    it, everybody would be told that of everything.

    Raises:
        Problem: 503 `not-ready`, naming the services that are not.
    """
    answers = await asyncio.gather(*(_is_ready(upstream) for upstream in upstreams.values()))
    if missing := sorted(name for name, answer in zip(upstreams, answers, strict=True) if not answer):
        detail = f"Not ready: {', '.join(missing)}."
        raise Problem(503, "not-ready", detail, headers={"Retry-After": "1"}, services=missing)
    return _said(b'{"status":"ready"}')


def stopping() -> Problem:
    """503 `stopping`: what is under way is finished, and new calls belong elsewhere."""
    return Problem(503, "stopping", "This gateway stops.", headers={"Retry-After": "1"})


async def _is_ready(upstream: Upstream) -> bool:
    try:
        return await upstream.is_ready()
    except UpstreamError as failure:
        log.info("%s is not ready: %s", upstream.name, failure)
        return False


def _said(content: bytes) -> Reply:
    return Reply.whole(
        200, content, [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    )


CHECKS: Final[Mapping[str, Check]] = {"/health/live": live, "/health/ready": ready}
