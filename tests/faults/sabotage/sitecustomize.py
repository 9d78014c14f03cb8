"""Takes one mechanism away from every Python process that has this folder in its PYTHONPATH.

`SABOTAGE` names it. The checker must find what comes of that.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import random
from typing import Any, Final
from uuid import uuid4

LOST: Final = 0.2
"""The share of events that are lost without an outbox, as by a kill between commit and publication."""


def put(owner: Any, name: str, replacement: Any) -> None:
    """Replace what others call."""
    setattr(owner, name, replacement)


def without_outbox() -> None:
    """Some events are not stored with their change."""
    from frontispiece.events.envelope import create_event  # noqa: PLC0415 (only what is needed)
    from frontispiece.events.outbox import Outbox  # noqa: PLC0415

    add = Outbox.add

    async def add_most(self: Outbox, tx: Any, data: Any, *, subject: str, **options: Any) -> Any:
        if random() < LOST:  # noqa: S311 (nothing secret)
            return create_event(data, source=self.source, subject=subject)
        return await add(self, tx, data, subject=subject, **options)

    put(Outbox, "add", add_most)


def without_inbox() -> None:
    """A second delivery is handled as the first."""
    from frontispiece.events.inbox import Inbox  # noqa: PLC0415

    async def record(_self: Inbox, _tx: Any, _event: Any) -> None:
        pass

    put(Inbox, "record", record)


def without_idempotency_key() -> None:
    """Each attempt is another operation for the acquirer, which charges again; its answer is often late."""
    from services.acquirer import store  # noqa: PLC0415
    from services.acquirer.model import Declines, OperationRequest, Payment, Status  # noqa: PLC0415
    from services.payment.acquirer import Acquirer  # noqa: PLC0415
    from services.payment.model import Payment as MerchantsPayment  # noqa: PLC0415

    def charge(payment: Payment, request: OperationRequest, _declines: Declines) -> tuple[Payment, str]:
        return replace(payment, status=Status.CAPTURED, amount=request.amount, currency=request.currency), ""

    async def not_asked(_self: Acquirer, _key: str, failure: Exception) -> Any:
        raise failure

    put(store, "carry_out", charge)
    put(Acquirer, "_carried_out", not_asked)
    put(MerchantsPayment, "key", lambda *_: uuid4().hex)
    os.environ["ACQUIRER_FAULTS"] = '{"timeout_rate": 0.3, "hang": 3}'


SABOTAGE: Final[Mapping[str, Callable[[], None]]] = {
    "outbox": without_outbox,
    "inbox": without_inbox,
    "idempotency-key": without_idempotency_key,
}

if mechanism := os.environ.get("SABOTAGE"):
    SABOTAGE[mechanism]()
