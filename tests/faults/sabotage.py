"""Takes mechanisms away from the apps in this process: the checker must find what comes of that."""

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from frontispiece.events.inbox import Inbox
from frontispiece.events.outbox import Outbox
from services.acquirer import store
from services.acquirer.model import Declines, OperationRequest, Payment, Status
from services.payment.acquirer import Acquirer
from services.payment.model import Payment as MerchantsPayment

LOST: Final = 3
"""Without an outbox, the events of each third subject are lost, as by kills before their publication."""


def put(owner: Any, name: str, replacement: Any) -> None:
    """Replace what others call."""
    setattr(owner, name, replacement)


def without_outbox() -> None:
    """What happened to some orders is not stored as events with their change."""
    add_all = Outbox.add_all
    subjects: defaultdict[str, list[str]] = defaultdict(list)

    async def add_most(self: Outbox, tx: Any, new: Sequence[tuple[Any, str]]) -> None:
        known = subjects[self.source]
        known.extend(dict.fromkeys(subject for _, subject in new if subject not in known))
        await add_all(self, tx, [(data, subject) for data, subject in new if known.index(subject) % LOST])

    put(Outbox, "add_all", add_most)


def without_inbox() -> None:
    """A second delivery is handled as the first."""

    async def record(_self: Inbox, _tx: Any, _event: Any, *, bucket: int | None = None) -> None:
        pass

    put(Inbox, "record", record)


def without_idempotency_key() -> None:
    """Each attempt is another operation for the acquirer, which charges again; its answer is often late."""

    def charge(payment: Payment, request: OperationRequest, _declines: Declines) -> tuple[Payment, str]:
        return replace(payment, status=Status.CAPTURED, amount=request.amount, currency=request.currency), ""

    async def not_asked(_self: Acquirer, _key: str, failure: Exception) -> Any:
        raise failure

    put(store, "carry_out", charge)
    put(Acquirer, "_carried_out", not_asked)
    put(MerchantsPayment, "key", lambda *_: uuid4().hex)
    os.environ |= {"ACQUIRER_FAULTS": '{"timeout_rate": 0.7, "hang": 1}', "PAYMENT_TIMEOUT": "0.5"}


MECHANISMS: Final[Mapping[str, Callable[[], None]]] = {
    "outbox": without_outbox,
    "inbox": without_inbox,
    "idempotency-key": without_idempotency_key,
}


def take_away(mechanisms: Collection[str]) -> None:
    """Run without them from now on."""
    for mechanism in mechanisms:
        MECHANISMS[mechanism]()
