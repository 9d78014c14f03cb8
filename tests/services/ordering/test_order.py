"""What a customer may do with an order, and what events make of it."""

import msgspec
import pytest

from services.ordering.domain_events import (
    EVENTS,
    BucketRemoved,
    CancellationStarted,
    Cancelled,
    Committed,
    Completed,
    Confirmed,
    OrderEvent,
    Reason,
    Step,
    StepStarted,
    Stuck,
)
from services.ordering.model import Status
from services.ordering.order import (
    Cancel,
    KeyReused,
    Order,
    Place,
    Retry,
    TooLate,
    UnknownOrder,
    decide,
    evolve,
    fold,
)
from tests.services.ordering.orders import ORDER_ID, PLACED


def order_after(*events: OrderEvent) -> Order:
    order = fold([PLACED, *events], order_id=ORDER_ID)
    assert order is not None
    return order


def test_placing_makes_an_order_once() -> None:
    assert decide(None, Place(placed=PLACED)) == [PLACED]
    assert decide(order_after(), Place(placed=PLACED)) == []


def test_another_request_with_the_same_key_is_no_order() -> None:
    with pytest.raises(KeyReused):
        decide(order_after(), Place(placed=msgspec.structs.replace(PLACED, digest="d2")))


@pytest.mark.parametrize("command", [Cancel(), Retry()])
def test_only_an_order_that_exists_can_be_changed(command: Cancel | Retry) -> None:
    with pytest.raises(UnknownOrder):
        decide(None, command)


def test_a_pending_order_can_be_cancelled_once() -> None:
    started = CancellationStarted(reason=Reason.CANCELLED_BY_CUSTOMER)

    assert decide(order_after(), Cancel()) == [started]
    assert decide(order_after(started), Cancel()) == []
    assert decide(order_after(started, Cancelled(reason=started.reason)), Cancel()) == []


def test_an_order_that_is_being_cancelled_for_another_reason_keeps_that() -> None:
    assert decide(order_after(CancellationStarted(reason=Reason.OUT_OF_STOCK)), Cancel()) == []


@pytest.mark.parametrize("events", [[Confirmed()], [Confirmed(), Completed()]])
def test_from_confirmed_on_it_is_too_late_to_cancel(events: list[OrderEvent]) -> None:
    with pytest.raises(TooLate):
        decide(order_after(*events), Cancel())


def test_stuck_steps_are_sent_again_when_a_person_says_so() -> None:
    order = order_after(
        StepStarted(step=Step.COMMIT, attempt=8), Stuck(step=Step.COMMIT, reason="No reply to 8 commands.")
    )
    assert order.stuck == {Step.COMMIT: "No reply to 8 commands."}

    [again] = decide(order, Retry())
    assert again == StepStarted(step=Step.COMMIT, attempt=1)
    assert evolve(order, again).stuck == {}
    assert decide(order_after(), Retry()) == []


def test_a_reply_frees_what_was_stuck() -> None:
    order = order_after(StepStarted(step=Step.COMMIT), Stuck(step=Step.COMMIT, reason="No reply."))

    assert evolve(order, Committed()).stuck == {}


def test_the_total_counts_goods_after_discounts_and_delivery() -> None:
    assert order_after().total == 2 * 300 + 490
    assert order_after().status is Status.PENDING


def test_every_event_can_happen_to_an_order() -> None:
    """Each kind of event is known to `evolve`: none is refused when a stream is read."""
    for cls in set(EVENTS.values()) - {BucketRemoved}:
        fields = {
            "step": "commit",
            "reason": "timed-out",
            "amount": 1,
            "shipment_id": "s",
            "tracking_code": "t",
        }
        event = (
            PLACED
            if cls is type(PLACED)
            else msgspec.convert(
                {name: fields[name] for name in cls.__struct_fields__ if name in fields}, cls
            )
        )
        assert isinstance(fold([PLACED, event], order_id=ORDER_ID), Order)
