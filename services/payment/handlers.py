"""What payment does with a command: operations at the acquirer first, then one transaction.

`begin` comes before them: it stores that the acquirer may be asked from now on. So a cancellation at the same
time knows that money may be reserved, and an authorisation that comes later knows that it was cancelled.
"""

from typing import Any

from frontispiece.events import Event, EventData, Reject
from services.payment.acquirer import Acquirer, NotAllowed
from services.payment.events import (
    AuthorisePayment,
    CancelPayment,
    CapturePayment,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
)
from services.payment.model import (
    CANCELLED,
    INVALID_TOKEN,
    Kind,
    Outcome,
    Payment,
    Purpose,
    Status,
    after,
    missed_operation,
    next_operation,
)
from services.payment.store import Store
from shop.payment_tokens import is_payment_token


class NotAuthorised(Exception):
    """The payment to capture is not authorised yet: the message has to be delivered again."""


class Handlers:
    """Carries out the commands of the checkout."""

    def __init__(self, store: Store, acquirer: Acquirer) -> None:
        self._store = store
        self._acquirer = acquirer

    async def authorise(self, event: Event[AuthorisePayment]) -> None:
        """Reserve the amount on the customer's card, unless the payment was cancelled before."""
        wanted = _wanted(event.data)
        payment = await self._store.begin(wanted)
        if payment.owner and (payment.owner, payment.amount, payment.currency) != (
            wanted.owner,
            wanted.amount,
            wanted.currency,
        ):
            raise Reject(f"order {payment.order_id} has a payment of another amount or owner")
        await self._carry_out(event, payment, Purpose.AUTHORISE)

    async def capture(self, event: Event[CapturePayment]) -> None:
        """Take the reserved amount."""
        payment = await self._store.payment(event.data.order_id)
        if payment is None or payment.status is Status.AUTHORISING:
            raise NotAuthorised(f"The payment of {event.data.order_id} is not authorised yet.")
        await self._carry_out(event, payment, Purpose.CAPTURE)

    async def cancel(self, event: Event[CancelPayment]) -> None:
        """Give back what is reserved or taken; what comes to be authorised later is declined."""
        payment = await self._store.begin(_cancelled(event.data.order_id))
        await self._carry_out(event, payment, Purpose.CANCEL)

    async def _carry_out(self, event: Event[Any], payment: Payment, purpose: Purpose) -> None:
        settled, outcomes = payment, list[Outcome]()
        while (kind := next_operation(settled, purpose)) is not None:
            outcomes.append(await self._operate(settled, kind))
            settled = after(settled, outcomes[-1])
        await self._store.settle(event, payment, settled, outcomes, fact(settled, purpose))

    async def _operate(self, payment: Payment, kind: Kind) -> Outcome:
        try:
            return await self._acquirer.carry_out(payment, kind)
        except NotAllowed as refusal:
            missed = missed_operation(payment, refusal.status)
            if missed is None:
                raise
            return await self._acquirer.carry_out(payment, missed)


def _wanted(command: AuthorisePayment) -> Payment:
    """The payment that a command begins; one without a token is declined, and its text is forgotten."""
    valid = is_payment_token(command.payment_token)
    return Payment(
        order_id=command.order_id,
        owner=command.owner,
        amount=command.amount,
        currency=command.currency,
        token=command.payment_token if valid else "",
        status=Status.AUTHORISING if valid else Status.DECLINED,
        reason="" if valid else INVALID_TOKEN,
    )


def _cancelled(order_id: str) -> Payment:
    """What stands for a payment that was cancelled before it was to be authorised."""
    return Payment(
        order_id=order_id,
        owner="",
        amount=0,
        currency="",
        token="",
        status=Status.VOIDED,
        reason=CANCELLED,
    )


def fact(payment: Payment, purpose: Purpose) -> EventData:
    """What is published of a payment in answer to a command, also when it was repeated or came too late."""
    order_id = payment.order_id
    money: dict[str, Any] = {"amount": payment.amount, "currency": payment.currency}
    match payment.status, purpose:
        case Status.AUTHORISED | Status.CAPTURED, Purpose.AUTHORISE:
            return PaymentAuthorised(order_id=order_id, **money)
        case Status.VOIDED | Status.REFUNDED, Purpose.AUTHORISE:
            return PaymentDeclined(order_id=order_id, reason=CANCELLED)
        case Status.DECLINED, Purpose.AUTHORISE | Purpose.CAPTURE:
            return PaymentDeclined(order_id=order_id, reason=payment.reason)
        case Status.CAPTURED, _:
            return PaymentCaptured(order_id=order_id, **money)
        case Status.REFUNDED, _:
            return PaymentRefunded(order_id=order_id, **money)
        case _:
            return PaymentVoided(order_id=order_id)
