"""Active health checks of the endpoints of a service."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Self

from frontispiece.http.messages import BodyTooLarge, Request, Transport
from frontispiece.upstream.config import HealthPolicy
from frontispiece.upstream.endpoint import Endpoint
from frontispiece.upstream.errors import UpstreamError

log = logging.getLogger(__name__)

TIMEOUT = 2.0
"""Seconds that a response may take, or the interval if that is shorter."""

MAX_BODY = 64 * 1024
"""The longest response in bytes that is read."""


class HealthChecks:
    """Checks every endpoint in rounds, from entering to leaving, and reports the results."""

    def __init__(
        self,
        policy: HealthPolicy,
        endpoints: Mapping[str, Endpoint],
        report: Callable[[str, bool], None],
        wait: Callable[[float], Awaitable[None]],
    ) -> None:
        self._policy = policy
        self._endpoints = endpoints
        self._report = report
        self._wait = wait
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._rounds(), name="health checks")
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _rounds(self) -> None:
        while True:
            await asyncio.gather(*map(self._check, [*self._endpoints.values()]))
            await self._wait(self._policy.interval.total_seconds())

    async def _check(self, endpoint: Endpoint) -> None:
        try:
            healthy = await self._is_healthy(endpoint.transport)
        except (UpstreamError, BodyTooLarge, TimeoutError):
            healthy = False
        except Exception:  # a bug of ours is logged, and must not end the checks of all endpoints
            log.exception("%s could not be checked", endpoint.name)
            healthy = False
        self._report(endpoint.name, healthy)

    async def _is_healthy(self, transport: Transport) -> bool:
        seconds = min(TIMEOUT, self._policy.interval.total_seconds())
        request = Request(method="GET", target=self._policy.path, timeout=seconds)
        async with asyncio.timeout(seconds), await transport.send(request) as reply:
            await reply.read(MAX_BODY)  # so that its connection can be used again
            return reply.status == HTTPStatus.OK
