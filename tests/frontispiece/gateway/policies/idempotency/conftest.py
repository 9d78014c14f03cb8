"""The layer around any handler, with records in Valkey and in memory."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from frontispiece.aio.background import BackgroundTasks
from frontispiece.gateway.call import Handler
from frontispiece.gateway.policies.idempotency.config import Idempotency
from frontispiece.gateway.policies.idempotency.layer import idempotency_layer
from frontispiece.gateway.policies.idempotency.stores import MemoryRecordStore, RecordStore, ValkeyRecordStore
from frontispiece.http.problems import Problem
from frontispiece.stores.valkey import GuardedValkey
from frontispiece.upstream import UpstreamError
from tests.support.intents import Make


@pytest.fixture(params=["memory", "valkey"])
async def records(request: pytest.FixtureRequest) -> AsyncIterator[RecordStore]:
    """The store of the records."""
    if request.param == "memory":
        yield MemoryRecordStore()
        return
    async with GuardedValkey(request.getfixturevalue("valkey_url"), timeout=30) as shared:
        yield ValkeyRecordStore(shared)


@pytest.fixture
def counts() -> Counter[str]:
    """The calls by their outcomes."""
    return Counter()


@pytest.fixture
async def make(records: RecordStore, counts: Counter[str]) -> AsyncIterator[Make]:
    """`make(handler)`: with the layer around it."""
    async with BackgroundTasks(expected=(UpstreamError, Problem)) as running:

        def make(inner: Handler, *, route: str = "POST /a", required: bool = False) -> Handler:
            policy = Idempotency.model_validate({"ttl": "1h", "required": required})
            count = counts.update
            layer = idempotency_layer(
                policy, route, records, running, timeout=5, count=lambda what: count([what])
            )
            return layer(inner)

        yield make
