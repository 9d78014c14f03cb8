"""Active health checks: the addresses of a service are asked, whether anybody calls them or not."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Self

from gateway.upstream.errors import UpstreamError
from gateway.upstream.message import Request, Transport
from gateway.upstream.policy import HealthPolicy

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds after which an answer comes too late, or less where rounds follow each other faster."""

MAX_ANSWER = 64 * 1024
"""The longest answer in bytes that is read."""


class Watch:
    """Asks every address in rounds, from entering to leaving, and tells of each what it found.

    Args:
        policy: what is asked, and how often.
        transports: the addresses; they are open already.
        tell: is told after every check whether the address is well.
        wait: waits so many seconds.
    """

    def __init__(
        self,
        policy: HealthPolicy,
        transports: Mapping[str, Transport],
        tell: Callable[[str, bool], None],
        wait: Callable[[float], Awaitable[None]],
    ) -> None:
        self._policy = policy
        self._transports = transports
        self._tell = tell
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
            await asyncio.gather(*(self._check(address) for address in self._transports))
            await self._wait(self._policy.every.total_seconds())

    async def _check(self, address: str) -> None:
        try:
            well = await self._is_well(self._transports[address])
        except (UpstreamError, TimeoutError):
            well = False
        except Exception:  # a bug of ours is told, and must not end the watch over all addresses
            log.exception("%s could not be checked", address)
            well = False
        self._tell(address, well)

    async def _is_well(self, transport: Transport) -> bool:
        seconds = min(PATIENCE, self._policy.every.total_seconds())
        request = Request(method="GET", target=self._policy.path, timeout=seconds)
        async with asyncio.timeout(seconds), await transport.send(request) as reply:
            await reply.read(MAX_ANSWER)  # so that its connection can be used again
            return reply.status == HTTPStatus.OK
