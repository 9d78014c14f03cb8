"""Request mirroring: a shadow service gets copies of calls, which can neither delay nor fail a call."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

from msgspec.structs import replace
from pydantic import Field, StrictBool

from frontispiece.aio import BackgroundTasks
from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.base import ConfigModel
from frontispiece.gateway.config.target import Target
from frontispiece.http.headers import SAFE_METHODS
from frontispiece.http.problems import Problem
from frontispiece.upstream import Reply, UpstreamError

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources

log = logging.getLogger(__name__)

MIRRORED: Final = (b"x-mirrored", b"1")
"""Marks a copy for the shadow."""

MAX_COPIES: Final = 64
"""Copies in flight at a time, for one gateway; further ones are dropped."""

MAX_BYTES_READ: Final = 1024 * 1024
"""How much of a shadow's response is read so that its connection can be reused."""


class Mirror(ConfigModel):
    """A shadow service that gets copies of a route's calls; its responses are discarded."""

    to: Target = Field(description='"service" or "service:/path/{name}": the shadow.')
    fraction: Annotated[float, Field(strict=True)] = Field(
        1.0, gt=0, le=1, description="Of the calls that can be copied."
    )
    unsafe_methods: StrictBool = Field(False, description="Whether calls that change something are copied.")


def for_route(route: "Route", resources: "TableResources") -> Iterator[Layer]:
    """The layer of a route whose calls are mirrored."""
    if route.mirror:
        shadow = resources.forward(route, route.mirror.to, [MIRRORED])
        count = partial(resources.runtime.metrics.mirrored.add, route.name)
        yield mirror_layer(route.mirror, shadow, route.timeout, resources.runtime.shadows, count)


def mirror_layer(
    policy: Mirror,
    shadow: Handler,
    timeout: timedelta,
    copies: BackgroundTasks,
    count: Callable[[str], None],
    chance: Callable[[], float] = random.random,
) -> Layer:
    """Send a copy of some calls to the shadow, and go on at once.

    A call is copied when its method is safe, or the policy includes unsafe ones, and when its body is there
    as a whole.

    Each copy is counted as `answered`, `failed` (5xx included) or `dropped`, which it is while `copies`
    is full.
    """
    seconds = timeout.total_seconds()

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            if (
                (call.method in SAFE_METHODS or policy.unsafe_methods)
                and isinstance(call.body, bytes)
                and chance() < policy.fraction
            ):
                if copies.is_full:
                    count("dropped")
                else:
                    copy = replace(call, headers=[*call.headers], response_headers=[], send_interim=None)
                    copies.start(_send(shadow, copy, seconds, count), holds=call.lease)
            return await inner(call)

        return handle

    return layer


async def _send(shadow: Handler, copy: Call, seconds: float, count: Callable[[str], None]) -> None:
    request_id = copy.request_id.decode("latin-1")
    try:
        async with asyncio.timeout(seconds):
            count("answered" if await _succeeds(shadow, copy) else "failed")
    except (UpstreamError, Problem, TimeoutError) as failure:
        log.debug("the copy of request %s failed: %s", request_id, failure)
        count("failed")
    except Exception:  # a bug of ours, which nobody awaits
        log.exception("the copy of request %s failed", request_id)
        count("failed")


async def _succeeds(shadow: Handler, copy: Call) -> bool:
    async with await shadow(copy) as reply:
        read = 0
        async for chunk in reply.chunks():
            read += len(chunk)
            if read > MAX_BYTES_READ:
                break
        return reply.status < 500  # noqa: PLR2004 (the bound of a class of status)
