"""Replies that no service would ever send in this order: none of them raises, and an end is an end."""

from hypothesis import given, settings
from hypothesis import strategies as st

from frontispiece.events import EventData
from services.ordering import events
from services.ordering.domain_events import Step
from services.ordering.model import Status
from services.ordering.order import Cancel, Order, Place, Retry, TooLate, decide, fold
from services.ordering.saga import Cause, Reaction, TimedOut, follow, react
from tests.services.ordering.orders import ORDER_ID, PLACED

REPLIES: list[EventData] = [
    events.StockReserved(order_id=ORDER_ID),
    events.ReservationRefused(order_id=ORDER_ID, reason="out-of-stock"),
    events.ReservationExpired(order_id=ORDER_ID),
    events.StockCommitted(order_id=ORDER_ID),
    events.StockReleased(order_id=ORDER_ID),
    events.PaymentAuthorised(order_id=ORDER_ID, amount=1090, currency="EUR"),
    events.PaymentDeclined(order_id=ORDER_ID, reason="insufficient-funds"),
    events.PaymentCaptured(order_id=ORDER_ID, amount=1090, currency="EUR"),
    events.PaymentVoided(order_id=ORDER_ID),
    events.PaymentRefunded(order_id=ORDER_ID, amount=1090, currency="EUR"),
    events.ShipmentCreated(order_id=ORDER_ID, shipment_id="s", tracking_code="T"),
    events.ShipmentRefused(order_id=ORDER_ID, reason="country"),
    events.ShipmentCancelled(order_id=ORDER_ID),
]

CAUSES: st.SearchStrategy[Cause | Cancel | Retry] = st.one_of(
    st.sampled_from(REPLIES),
    st.builds(TimedOut, step=st.sampled_from(Step), attempt=st.integers(1, 9)),
    st.sampled_from([Cancel(), Retry()]),
)

LATER = {
    Status.PENDING: set(Status),
    Status.CONFIRMED: set(Status) - {Status.PENDING},
    Status.COMPLETED: {Status.COMPLETED},
    Status.CANCELLED: {Status.CANCELLED},
}
"""What an order can become."""


def caused(order: Order, cause: Cause | Cancel | Retry) -> Reaction:
    if not isinstance(cause, Cancel | Retry):
        return react(order, cause, 5)
    try:
        decided = decide(order, cause)
    except TooLate:
        decided = []
    return follow(order, decided, 5, order_id=ORDER_ID)


@settings(max_examples=200, deadline=None)
@given(st.lists(CAUSES, max_size=40))
def test_nothing_that_comes_at_the_wrong_time_breaks_an_order(causes: list[Cause | Cancel | Retry]) -> None:
    reaction = follow(None, decide(None, Place(placed=PLACED)), 5, order_id=ORDER_ID)
    stream, facts = [*reaction.events], [*reaction.messages]
    for cause in causes:
        before = reaction.order
        reaction = caused(before, cause)
        stream += reaction.events
        facts += reaction.messages
        assert reaction.order.status in LATER[before.status]
        assert bool(reaction.events) or reaction.order == before
        assert {timeout.step for timeout in reaction.timeouts} <= reaction.order.pending_steps
        assert not reaction.settled & reaction.order.pending_steps

    assert fold(stream, order_id=ORDER_ID) == reaction.order
    ends = [fact for fact in facts if isinstance(fact, events.OrderCompleted | events.OrderCancelled)]
    assert len(ends) == (reaction.order.status in {Status.COMPLETED, Status.CANCELLED})


@settings(max_examples=100, deadline=None)
@given(st.lists(CAUSES, max_size=30), st.sampled_from(REPLIES))
def test_a_reply_that_was_heard_is_heard_only_once_in_a_row(
    causes: list[Cause | Cancel | Retry], reply: EventData
) -> None:
    order = follow(None, decide(None, Place(placed=PLACED)), 5, order_id=ORDER_ID).order
    for cause in causes:
        order = caused(order, cause).order
    once = react(order, reply, 5).order

    assert react(once, reply, 5).events == []
