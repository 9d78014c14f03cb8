"""The layer around any handler, with answers kept in Valkey and in memory."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from gateway.call import Handler
from gateway.idempotency import Answers, MemoryAnswers, ValkeyAnswers
from gateway.layers.idempotency import once
from gateway.policies.idempotency import Idempotency
from gateway.running import Running
from gateway.shared import Shared
from tests.support.intents import Make


@pytest.fixture(params=["memory", "valkey"])
async def answers(request: pytest.FixtureRequest) -> AsyncIterator[Answers]:
    """Where answers are kept."""
    if request.param == "memory":
        yield MemoryAnswers()
        return
    async with Shared(request.getfixturevalue("valkey_url"), answers_within=30) as shared:
        yield ValkeyAnswers(shared)


@pytest.fixture
def counts() -> Counter[str]:
    """What became of the calls."""
    return Counter()


@pytest.fixture
async def make(answers: Answers, counts: Counter[str]) -> AsyncIterator[Make]:
    """`make(handler)`: with the layer around it."""
    async with Running() as running:

        def make(inner: Handler, *, route: str = "POST /a", required: bool = False) -> Handler:
            policy = Idempotency.model_validate({"ttl": "1h", "required": required})
            count = counts.update
            layer = once(policy, route, answers, running, timeout=5, count=lambda what: count([what]))
            return layer(inner)

        yield make
