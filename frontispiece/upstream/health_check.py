"""Active health checks of the endpoints of a service."""

import asyncio
import logging
from http import HTTPStatus
from typing import Final

from frontispiece.http.messages import BodyTooLarge, Request
from frontispiece.upstream.config import HealthPolicy
from frontispiece.upstream.endpoint import Endpoint
from frontispiece.upstream.errors import UpstreamError

log = logging.getLogger(__name__)

TIMEOUT: Final = 2.0
"""Seconds that a response may take, or the interval if that is shorter."""

MAX_BODY: Final = 64 * 1024
"""The longest response in bytes that is read."""


async def is_healthy(endpoint: Endpoint, policy: HealthPolicy) -> bool:
    """Whether an endpoint responds with 200 at the path of its health check, in time."""
    seconds = min(TIMEOUT, policy.interval.total_seconds())
    request = Request(method="GET", target=policy.path, timeout=seconds)
    try:
        async with asyncio.timeout(seconds), await endpoint.transport.send(request) as reply:
            await reply.read(MAX_BODY)  # so that its connection can be used again
            return reply.status == HTTPStatus.OK
    except (UpstreamError, BodyTooLarge, TimeoutError):
        return False
    except Exception:  # a bug of ours is logged, and must not end the checks of all endpoints
        log.exception("%s could not be checked", endpoint.name)
        return False
