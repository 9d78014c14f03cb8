"""The checkout, one reaction after the other."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from frontispiece.events import EventData
from services.ordering import events
from services.ordering.domain_events import Reason, Shortage, Step
from services.ordering.model import Status
from services.ordering.order import Cancel, Order, Payment, Place, Retry, Shipment, Stock, decide
from services.ordering.saga import (
    ATTEMPTS_BEFORE_CANCELLING,
    ATTEMPTS_BEFORE_STUCK,
    Cause,
    Reaction,
    TimedOut,
    follow,
    react,
)
from tests.services.ordering.orders import ORDER_ID, PLACED

RESERVED = events.StockReserved(order_id=ORDER_ID)
REFUSED = events.ReservationRefused(
    order_id=ORDER_ID, reason="out-of-stock", shortages=(Shortage(sku="PEN", wanted=2, available=1),)
)
EXPIRED = events.ReservationExpired(order_id=ORDER_ID)
AUTHORISED = events.PaymentAuthorised(order_id=ORDER_ID, amount=1090, currency="EUR")
DECLINED = events.PaymentDeclined(order_id=ORDER_ID, reason="insufficient-funds")
COMMITTED = events.StockCommitted(order_id=ORDER_ID)
CREATED = events.ShipmentCreated(order_id=ORDER_ID, shipment_id="s-1", tracking_code="T1")
NOT_CREATED = events.ShipmentRefused(order_id=ORDER_ID, reason="country")
CAPTURED = events.PaymentCaptured(order_id=ORDER_ID, amount=1090, currency="EUR")
VOIDED = events.PaymentVoided(order_id=ORDER_ID)
RELEASED = events.StockReleased(order_id=ORDER_ID)
SHIPMENT_CANCELLED = events.ShipmentCancelled(order_id=ORDER_ID)
CONFIRMED = [RESERVED, AUTHORISED]
COMPLETED = [*CONFIRMED, COMMITTED, CREATED, CAPTURED]


def placed() -> Reaction:
    return follow(None, decide(None, Place(placed=PLACED)), 5, order_id=ORDER_ID)


def after(*causes: Cause) -> Reaction:
    """The reaction to the last of these causes."""
    reaction = placed()
    for cause in causes:
        reaction = react(reaction.order, cause, 5)
    return reaction


def cancelled_by_customer(order: Order) -> Reaction:
    return follow(order, decide(order, Cancel()), 5, order_id=ORDER_ID)


def timed_out(order: Order, step: Step, times: int) -> Reaction:
    for attempt in range(1, times + 1):
        reaction = react(order, TimedOut(step=step, attempt=attempt), 5)
        order = reaction.order
    return reaction


def types(messages: Iterable[EventData]) -> list[str]:
    return [message.TYPE.removeprefix("shop.") for message in messages]


@pytest.mark.parametrize(
    ("causes", "messages"),
    [
        ([], ["ordering.placed", "inventory.reserve"]),
        ([RESERVED], ["payment.authorise"]),
        (CONFIRMED, ["ordering.confirmed", "inventory.commit", "shipping.create"]),
        ([*CONFIRMED, COMMITTED], []),
        ([*CONFIRMED, CREATED], []),
        ([*CONFIRMED, CREATED, COMMITTED], ["payment.capture"]),
        ([*CONFIRMED, COMMITTED, CREATED], ["payment.capture"]),
        (COMPLETED, ["ordering.completed"]),
        ([REFUSED], ["ordering.cancelled"]),
        ([RESERVED, DECLINED], ["inventory.release"]),
        ([RESERVED, DECLINED, RELEASED], ["ordering.cancelled"]),
        ([RESERVED, EXPIRED], ["payment.cancel"]),
        ([RESERVED, EXPIRED, VOIDED], ["inventory.release"]),
        ([*CONFIRMED, COMMITTED, NOT_CREATED], ["payment.cancel"]),
        ([*CONFIRMED, COMMITTED, NOT_CREATED, VOIDED], ["inventory.release"]),
        ([*CONFIRMED, COMMITTED, NOT_CREATED, VOIDED, RELEASED], ["ordering.cancelled"]),
        ([*CONFIRMED, EXPIRED], ["shipping.cancel"]),
        ([*CONFIRMED, EXPIRED, SHIPMENT_CANCELLED], ["payment.cancel"]),
    ],
)
def test_each_reply_is_followed_by_what_comes_next(causes: list[EventData], messages: list[str]) -> None:
    assert types(after(*causes).messages) == messages


def test_every_command_has_a_timeout_and_a_reply_settles_it() -> None:
    reaction = after(*CONFIRMED)

    assert {timeout.step for timeout in reaction.timeouts} == {Step.COMMIT, Step.CREATE_SHIPMENT}
    assert reaction.settled == {Step.AUTHORISE}
    assert reaction.order.pending_steps == {Step.COMMIT, Step.CREATE_SHIPMENT}


@pytest.mark.parametrize(
    ("causes", "reason", "restores"),
    [
        ([REFUSED], "out-of-stock", True),
        ([RESERVED, DECLINED, RELEASED], "payment-declined", True),
        ([*CONFIRMED, NOT_CREATED, VOIDED, RELEASED], "not-deliverable", True),
        ([RESERVED, EXPIRED, VOIDED, RELEASED], "timed-out", True),
    ],
)
def test_a_cancelled_order_says_why_and_gives_its_lines_back(
    causes: list[EventData], reason: str, *, restores: bool
) -> None:
    reaction = after(*causes)

    assert reaction.order.status is Status.CANCELLED
    assert reaction.messages == [
        events.OrderCancelled(
            order_id=ORDER_ID,
            owner="reader",
            reason=reason,
            lines=(events.Line(sku="PEN", quantity=2),),
            restore_basket=restores,
        )
    ]


@pytest.mark.parametrize(
    ("causes", "undone"),
    [
        ([], ["inventory.release"]),
        ([RESERVED], ["payment.cancel", "inventory.release"]),
    ],
)
def test_a_customer_who_cancels_gets_everything_undone(causes: list[EventData], undone: list[str]) -> None:
    reaction = cancelled_by_customer(after(*causes).order)
    messages = types(reaction.messages)
    for reply in [VOIDED, RELEASED]:
        reaction = react(reaction.order, reply, 5)
        messages += types(reaction.messages)

    assert messages == [*undone, "ordering.cancelled"]
    assert reaction.order.reason is Reason.CANCELLED_BY_CUSTOMER
    assert isinstance(reaction.messages[-1], events.OrderCancelled)
    assert not reaction.messages[-1].restore_basket


def test_an_order_that_is_being_cancelled_for_another_reason_keeps_that() -> None:
    assert decide(after(RESERVED, DECLINED).order, Cancel()) == []


@pytest.mark.parametrize("cause", COMPLETED)
def test_a_reply_that_comes_twice_changes_nothing(cause: EventData) -> None:
    seen = COMPLETED[: COMPLETED.index(cause) + 1]
    again = react(after(*seen).order, cause, 5)

    assert (again.events, again.messages, again.timeouts, again.settled) == ([], [], [], frozenset())


def test_a_command_without_a_reply_is_sent_again_ever_later() -> None:
    order = placed().order
    first = react(order, TimedOut(step=Step.RESERVE, attempt=1), 5)
    second = react(first.order, TimedOut(step=Step.RESERVE, attempt=2), 5)

    assert types(first.messages) == types(second.messages) == ["inventory.reserve"]
    assert [reaction.timeouts[0].delay for reaction in (placed(), first, second)] == [5, 10, 20]


@pytest.mark.parametrize(
    "late",
    [
        TimedOut(step=Step.RESERVE, attempt=2),
        TimedOut(step=Step.AUTHORISE, attempt=1),
        TimedOut(step=Step.COMMIT, attempt=1),
    ],
)
def test_a_timeout_that_no_longer_matters_changes_nothing(late: TimedOut) -> None:
    assert react(placed().order, late, 5).events == []


@pytest.mark.parametrize(
    ("causes", "step", "undone"),
    [
        ([], Step.RESERVE, [RELEASED]),
        ([RESERVED], Step.AUTHORISE, [VOIDED, RELEASED]),
    ],
)
def test_before_it_is_confirmed_an_order_without_a_reply_is_cancelled(
    causes: list[EventData], step: Step, undone: list[EventData]
) -> None:
    reaction = timed_out(after(*causes).order, step, ATTEMPTS_BEFORE_CANCELLING)
    for reply in undone:
        reaction = react(reaction.order, reply, 5)

    assert (reaction.order.status, reaction.order.reason) == (Status.CANCELLED, Reason.TIMED_OUT)


def test_an_order_does_not_wait_for_ever_for_a_stopped_inventory() -> None:
    """Nothing was sold, and a hold, should there be one, ends on its own."""
    order = timed_out(placed().order, Step.RESERVE, ATTEMPTS_BEFORE_CANCELLING).order
    order = timed_out(order, Step.RELEASE, ATTEMPTS_BEFORE_CANCELLING).order
    assert (order.status, order.stock) == (Status.CANCELLED, Stock.LEFT_TO_EXPIRE)

    assert react(order, RELEASED, 5).order.stock is Stock.RELEASED


@pytest.mark.parametrize(
    ("causes", "step", "reply"),
    [
        (CONFIRMED, Step.COMMIT, COMMITTED),
        (CONFIRMED, Step.CREATE_SHIPMENT, CREATED),
        ([*CONFIRMED, COMMITTED, CREATED], Step.CAPTURE, CAPTURED),
        ([*CONFIRMED, EXPIRED], Step.CANCEL_SHIPMENT, SHIPMENT_CANCELLED),
        ([RESERVED, EXPIRED], Step.CANCEL_PAYMENT, VOIDED),
        ([*CONFIRMED, COMMITTED, NOT_CREATED, VOIDED], Step.RELEASE, RELEASED),
    ],
)
def test_what_cannot_be_undone_waits_for_a_person_or_a_late_reply(
    causes: list[EventData], step: Step, reply: EventData
) -> None:
    stuck = timed_out(after(*causes).order, step, ATTEMPTS_BEFORE_STUCK)
    assert stuck.order.stuck == {step: "No reply to 8 commands."}
    assert (stuck.messages, stuck.timeouts) == ([], [])

    again = follow(stuck.order, decide(stuck.order, Retry()), 5, order_id=ORDER_ID)
    assert (len(again.messages), again.timeouts[0].attempt) == (1, 1)
    assert react(stuck.order, reply, 5).order.stuck == {}


@pytest.mark.parametrize(
    ("late", "undone", "reply"),
    [
        (AUTHORISED, "payment.cancel", VOIDED),
        (RESERVED, "inventory.release", RELEASED),
    ],
)
def test_what_comes_late_for_a_cancelled_order_is_undone_again(
    late: EventData, undone: str, reply: EventData
) -> None:
    order = cancelled_by_customer(after(RESERVED).order).order
    for each in [VOIDED, RELEASED]:
        order = react(order, each, 5).order
    reaction = react(order, late, 5)

    assert types(reaction.messages) == [undone]
    reaction = react(reaction.order, reply, 5)
    assert (reaction.messages, reaction.order) == ([], order_with_attempts(order, reaction.order))


def order_with_attempts(order: Order, other: Order) -> Order:
    return replace(order, attempts=other.attempts)


def test_an_authorisation_while_the_payment_is_being_cancelled_changes_nothing() -> None:
    order = cancelled_by_customer(after(RESERVED).order).order

    assert react(order, AUTHORISED, 5).events == []


def test_a_late_shipment_of_a_cancelled_order_is_cancelled() -> None:
    order = after(*CONFIRMED, NOT_CREATED, VOIDED, RELEASED).order
    reaction = react(order, CREATED, 5)

    assert types(reaction.messages) == ["shipping.cancel"]
    assert (reaction.order.shipment, reaction.order.payment) == (Shipment.CANCEL_PENDING, Payment.CANCELLED)


@pytest.mark.parametrize(
    "late", [REFUSED, DECLINED, EXPIRED, COMMITTED, CREATED, NOT_CREATED, VOIDED, RELEASED]
)
def test_nothing_that_comes_late_changes_a_completed_order(late: EventData) -> None:
    assert react(after(*COMPLETED).order, late, 5).events == []
