"""The commands that payment carries out and the events that it publishes; their subject is the order."""

from typing import Annotated

from msgspec import Meta

from frontispiece.events import CommandData, EventData
from shop.fields import Amount, Currency, OrderId


class AuthorisePayment(CommandData, frozen=True, kw_only=True):
    """Answered by `PaymentAuthorised` or `PaymentDeclined`."""

    TYPE = "shop.payment.authorise"

    order_id: OrderId
    owner: Annotated[str, Meta(min_length=1, max_length=200)]
    amount: Amount
    currency: Currency
    payment_token: str


class CapturePayment(CommandData, frozen=True, kw_only=True):
    """Answered by `PaymentCaptured`; by what the payment is, when it cannot be captured."""

    TYPE = "shop.payment.capture"

    order_id: OrderId


class CancelPayment(CommandData, frozen=True, kw_only=True):
    """Answered by `PaymentVoided` or `PaymentRefunded`; a later `AuthorisePayment` is declined."""

    TYPE = "shop.payment.cancel"

    order_id: OrderId


class PaymentAuthorised(EventData, frozen=True, kw_only=True):
    """The amount is reserved on the customer's card."""

    TYPE = "shop.payment.authorised"

    order_id: str
    amount: int
    currency: str


class PaymentDeclined(EventData, frozen=True, kw_only=True):
    """No money is reserved: `card-declined`, `insufficient-funds`, `invalid-token`, `cancelled` …."""

    TYPE = "shop.payment.declined"

    order_id: str
    reason: str


class PaymentCaptured(EventData, frozen=True, kw_only=True):
    """The amount is the shop's."""

    TYPE = "shop.payment.captured"

    order_id: str
    amount: int
    currency: str


class PaymentVoided(EventData, frozen=True, kw_only=True):
    """No money is reserved any longer, and none was taken."""

    TYPE = "shop.payment.voided"

    order_id: str


class PaymentRefunded(EventData, frozen=True, kw_only=True):
    """The amount was taken, and is the customer's again."""

    TYPE = "shop.payment.refunded"

    order_id: str
    amount: int
    currency: str
