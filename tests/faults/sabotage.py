"""Takes a mechanism away from the apps in this process: the checker must find what comes of that."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import random
from typing import Any, Final
from uuid import uuid4

from frontispiece.events.envelope import create_event
from frontispiece.events.inbox import Inbox
from frontispiece.events.outbox import Outbox
from services.acquirer import store
from services.acquirer.model import Declines, OperationRequest, Payment, Status
from services.payment.acquirer import Acquirer
from services.payment.model import Payment as MerchantsPayment

LOST: Final = 0.2
"""The share of events that are lost without an outbox, as by a kill between commit and publication."""


def put(owner: Any, name: str, replacement: Any) -> None:
    """Replace what others call."""
    setattr(owner, name, replacement)


def without_outbox() -> None:
    """Some events are not stored with their change."""
    add = Outbox.add

    async def add_most(self: Outbox, tx: Any, data: Any, *, subject: str, **options: Any) -> Any:
        if random() < LOST:  # noqa: S311 (nothing secret)
            return create_event(data, source=self.source, subject=subject)
        return await add(self, tx, data, subject=subject, **options)

    put(Outbox, "add", add_most)


def without_inbox() -> None:
    """A second delivery is handled as the first."""

    async def record(_self: Inbox, _tx: Any, _event: Any) -> None:
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


def take_away(mechanism: str) -> None:
    """Run without it from now on."""
    MECHANISMS[mechanism]()
