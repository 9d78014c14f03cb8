"""The payment of an order and the operations on it: the rules, without I/O."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

CANCELLED: Final = "cancelled"
"""Why a payment is declined that was cancelled before."""

INVALID_TOKEN: Final = "invalid-token"  # noqa: S105 (a reason)


class Status(StrEnum):
    """The state of a payment; `AUTHORISING` says that the acquirer may have been asked."""

    AUTHORISING = "authorising"
    AUTHORISED = "authorised"
    DECLINED = "declined"
    CAPTURED = "captured"
    VOIDED = "voided"
    REFUNDED = "refunded"


class Kind(StrEnum):
    """An operation at the acquirer."""

    AUTHORISE = "authorise"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class Purpose(StrEnum):
    """The state that a command wants a payment to reach."""

    AUTHORISE = "authorise"
    CAPTURE = "capture"
    CANCEL = "cancel"


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """The payment of one order; amounts are in minor units.

    The token stands for the card, whose number nobody here knows. A payment that was cancelled before it was
    authorised has neither owner nor amount.
    """

    order_id: str
    owner: str
    amount: int
    currency: str
    token: str = field(repr=False)
    status: Status
    reason: str = ""
    version: int = 1

    def key(self, kind: Kind) -> str:
        """The idempotency key of an operation: the same at every attempt, so that it is carried out once."""
        return f"{self.order_id}:{kind}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What the acquirer says of an operation that it carried out; `reason` says why it was declined."""

    key: str
    kind: Kind
    amount: int
    currency: str
    approved: bool
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerEntry:
    """An outcome as it was recorded; the acquirer's ledger has a row with the same key and the same money."""

    sequence: int
    key: str
    order_id: str
    kind: Kind
    amount: int
    currency: str
    approved: bool
    reason: str
    at: datetime


REACHED: Final = {
    Kind.AUTHORISE: Status.AUTHORISED,
    Kind.CAPTURE: Status.CAPTURED,
    Kind.VOID: Status.VOIDED,
    Kind.REFUND: Status.REFUNDED,
}
"""The state that an approved operation leads to."""

NEXT: Final = {
    Purpose.AUTHORISE: {Status.AUTHORISING: Kind.AUTHORISE},
    Purpose.CAPTURE: {Status.AUTHORISED: Kind.CAPTURE},
    Purpose.CANCEL: {
        # It may be authorised in truth, though no answer came: only the same key again can tell.
        Status.AUTHORISING: Kind.AUTHORISE,
        Status.AUTHORISED: Kind.VOID,
        Status.CAPTURED: Kind.REFUND,
    },
}
"""The operation that each purpose needs in each state; none where it has what it wants, or cannot get it."""


def next_operation(payment: Payment, purpose: Purpose) -> Kind | None:
    """The operation that the purpose needs next; None when nothing is left to do."""
    return NEXT[purpose].get(payment.status)


def after(payment: Payment, outcome: Outcome) -> Payment:
    """The payment after an operation."""
    status = REACHED[outcome.kind] if outcome.approved else Status.DECLINED
    return replace(payment, status=status, reason=outcome.reason, version=payment.version + 1)


MISSED: Final = {
    (Status.AUTHORISED, "captured"): Kind.CAPTURE,
    (Status.AUTHORISED, "refunded"): Kind.CAPTURE,
    (Status.AUTHORISED, "voided"): Kind.VOID,
    (Status.CAPTURED, "refunded"): Kind.REFUND,
}


def missed_operation(payment: Payment, at_acquirer: str) -> Kind | None:
    """The first operation that leads from a payment to the state that it has at the acquirer.

    It was carried out and its answer was lost: under its key the acquirer has it. None when there is no such
    operation.
    """
    return MISSED.get((payment.status, at_acquirer))
