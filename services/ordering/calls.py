"""Calls to one service, made for one request; their failures are problems that name it.

503 when it cannot be reached, 504 when it is too slow, 502 when it fails or its response is invalid. What it
refuses for the caller's own sake (401, 403, 429) is passed on, and what a call says besides.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from frontispiece.http import Problem
from frontispiece.upstream import (
    Context,
    Headers,
    TimedOut,
    UpstreamClientError,
    UpstreamError,
    UpstreamServerError,
    now,
)

log = logging.getLogger(__name__)

PASSED_ON: Final = frozenset({401, 403, 429})


@dataclass(frozen=True, slots=True)
class Calls:
    """Makes the calls to one service for one request, each within `timeout` seconds."""

    name: str
    bind: Callable[[Context], Any]
    headers: Headers
    authorization: Callable[[str], bytes]
    timeout: float

    @asynccontextmanager
    async def call(self, *, passed_on: frozenset[int] = PASSED_ON) -> AsyncIterator[Any]:
        """A client for one call; its failure is raised as a problem."""
        context = Context.of(self.headers, now() + self.timeout, self.authorization)
        try:
            async with asyncio.timeout(self.timeout):
                yield self.bind(context)
        except TimeoutError:
            raise self._problem(TimedOut(f"no answer in {self.timeout:.3g} s")) from None
        except UpstreamClientError as refusal:
            if refusal.upstream_status in passed_on:
                raise self._problem(refusal) from refusal
            raise self._problem(UpstreamServerError(f"it answered {refusal.upstream_status}")) from refusal
        except UpstreamError as failure:
            raise self._problem(failure) from failure

    def _problem(self, failure: UpstreamError) -> Problem:
        log.warning("%s: %s", self.name, failure)
        problem = failure.problem(self.name)
        problem.members["service"] = self.name
        return problem
