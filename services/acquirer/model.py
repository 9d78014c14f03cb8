"""Payments and the operations on them: the rules, without I/O."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What an operation does with the money of a card."""

    AUTHORISE = "authorise"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class Status(StrEnum):
    """The state of a payment."""

    NEW = "new"
    AUTHORISED = "authorised"
    DECLINED = "declined"
    CAPTURED = "captured"
    VOIDED = "voided"
    REFUNDED = "refunded"


TRANSITIONS = {
    Kind.AUTHORISE: (Status.NEW, Status.AUTHORISED),
    Kind.CAPTURE: (Status.AUTHORISED, Status.CAPTURED),
    Kind.VOID: (Status.AUTHORISED, Status.VOIDED),
    Kind.REFUND: (Status.CAPTURED, Status.REFUNDED),
}
"""The state in which each kind of operation is allowed, and the one that it leads to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationRequest:
    """What a merchant requests: `key` makes it idempotent, `reference` is the merchant's name of the payment.

    Amounts are in minor units. Only an authorisation needs the token; the others are for the whole amount.
    """

    key: str
    reference: str
    kind: Kind
    amount: int
    currency: str
    token: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """An operation that was carried out, a row of the ledger; `reason` says why it was declined."""

    sequence: int
    key: str
    reference: str
    kind: Kind
    amount: int
    currency: str
    approved: bool
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """What was authorised under a merchant's reference, and its state."""

    reference: str
    status: Status
    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Declines:
    """The authorisations that the bank behind the card declines."""

    tokens: frozenset[str]
    above: int | None

    def reason(self, request: OperationRequest) -> str:
        """Why an authorisation is declined; empty when it is approved."""
        if request.token in self.tokens:
            return "card-declined"
        return "insufficient-funds" if self.above is not None and request.amount > self.above else ""


class NotAllowed(Exception):
    """The operation is not allowed in the payment's state, or for another amount than was authorised."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"The payment is {status}.")
        self.status = status


class KeyReused(Exception):
    """The key came with another operation before."""


def carry_out(payment: Payment, request: OperationRequest, declines: Declines) -> tuple[Payment, str]:
    """The payment after the operation, and why it was declined (empty when it was approved).

    Raises:
        NotAllowed: nothing is carried out.
    """
    needed, reached = TRANSITIONS[request.kind]
    money = (request.amount, request.currency)
    agreed = money if request.kind is Kind.AUTHORISE else (payment.amount, payment.currency)
    if payment.status is not needed or money != agreed:
        raise NotAllowed(payment.status)
    reason = declines.reason(request) if request.kind is Kind.AUTHORISE else ""
    status = Status.DECLINED if reason else reached
    return replace(payment, status=status, amount=request.amount, currency=request.currency), reason


def is_repetition(operation: Operation, request: OperationRequest) -> bool:
    """Whether a request is for the operation that was carried out under its key."""
    names = ("reference", "kind", "amount", "currency")
    return all(getattr(operation, name) == getattr(request, name) for name in names)
