"""What layers work with beside upstreams: counts and answers of all gateways, and what goes on alone."""

from contextlib import AsyncExitStack
from typing import Final, Self

from gateway.idempotency import Answers, MemoryAnswers, ValkeyAnswers
from gateway.openapi import Description
from gateway.policies.idempotency import Kept
from gateway.running import Running
from gateway.shared import Shared, SharedBuckets
from gateway.shared.server import OFF
from gateway.upstream import Upstream

COUNTS_WITHIN: Final = 0.1
"""Seconds that a call waits for Valkey to count it, before this process counts it alone."""

KEEPS_WITHIN: Final = 1.0
"""Seconds that a call waits for Valkey to say whether it was carried out before, until it is refused."""


class Commons:
    """Made without I/O, opened after the upstreams and closed before them.

    Args:
        valkey_url: what gateways have in common is there; `off` for a table that shares nothing.
    """

    def __init__(self, valkey_url: str = OFF) -> None:
        self.running = Running()
        """What goes on when its call has ended."""
        self.answers: dict[Kept, Answers] = {Kept.MEMORY: MemoryAnswers()}
        """Where first answers under an `Idempotency-Key` are kept."""
        self.counts: SharedBuckets | None = None
        """What all gateways count together; None where they share nothing."""
        self._descriptions: dict[str, Description] = {}
        self._servers: list[Shared] = []
        self._stack = AsyncExitStack()
        if valkey_url != OFF:
            self._servers = [Shared(valkey_url, answers_within=it) for it in (COUNTS_WITHIN, KEEPS_WITHIN)]
            counting, keeping = self._servers
            self.counts = SharedBuckets(counting)
            self.answers[Kept.VALKEY] = ValkeyAnswers(keeping)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for server in self._servers:
                await stack.enter_async_context(server)
            await stack.enter_async_context(self.running)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    def description(self, upstream: Upstream) -> Description:
        """What a service says of itself: one for all of its routes."""
        kept = self._descriptions.get(upstream.name)
        if kept is None or kept.upstream is not upstream:  # another table may have it elsewhere
            kept = self._descriptions[upstream.name] = Description(upstream, self.running)
        return kept
