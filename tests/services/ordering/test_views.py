"""What an order's events make of it for its customer."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from services.ordering.domain_events import (
    Authorised,
    CancellationStarted,
    Cancelled,
    Captured,
    OrderEvent,
    Reason,
    Reserved,
    Step,
    StepStarted,
    Stuck,
)
from services.ordering.event_store import Recorded
from services.ordering.model import Status
from services.ordering.views import MissingEvent, OrderView, Stage, apply, view_of
from tests.services.ordering.orders import ORDER_ID, PLACED
from tests.services.ordering.reading import CANCELLED, COMPLETED


def recorded(events: Sequence[OrderEvent]) -> list[Recorded]:
    return [
        Recorded(
            position=100 + version,
            order_id=ORDER_ID,
            version=version,
            event=event,
            recorded_at=PLACED.placed_at + timedelta(seconds=version),
        )
        for version, event in enumerate(events, 1)
    ]


def shown(*events: OrderEvent) -> OrderView:
    view = view_of(recorded(events))
    assert view is not None
    return view


def stages(view: OrderView) -> list[Stage]:
    return [milestone.stage for milestone in view.timeline]


def test_a_cancelled_order_has_its_reason_from_the_start_of_the_cancellation() -> None:
    assert shown(*CANCELLED[:5]).reason is None
    assert shown(*CANCELLED[:6]).reason is Reason.PAYMENT_DECLINED
    view = shown(*CANCELLED)
    assert (view.status, view.stage) == (Status.CANCELLED, Stage.CANCELLED)
    assert view.reason is Reason.PAYMENT_DECLINED


def test_late_replies_to_what_is_undone_are_no_stages() -> None:
    started = [PLACED, CancellationStarted(reason=Reason.TIMED_OUT), Reserved()]
    assert shown(*started).stage is Stage.CANCELLATION_STARTED
    ended = [
        *started,
        Cancelled(reason=Reason.TIMED_OUT),
        Authorised(),
        CancellationStarted(reason=Reason.TIMED_OUT),
    ]
    view = shown(*ended)
    assert (view.stage, view.version) == (Stage.CANCELLED, len(ended))
    assert view.milestone is None


@pytest.mark.parametrize(
    ("events", "stuck"),
    [
        ([], {Step.CAPTURE, Step.COMMIT}),
        ([Reserved()], {Step.CAPTURE}),
        ([Captured(amount=1)], {Step.COMMIT}),
        ([StepStarted(step=Step.CAPTURE), StepStarted(step=Step.COMMIT)], set()),
    ],
)
def test_a_step_is_stuck_until_its_part_of_the_order_moves_on(
    events: list[OrderEvent], stuck: set[Step]
) -> None:
    view = shown(
        PLACED, Stuck(step=Step.CAPTURE, reason="silent"), Stuck(step=Step.COMMIT, reason="silent"), *events
    )

    assert view.stuck.keys() == stuck


def test_an_event_that_was_seen_changes_nothing_and_one_too_many_is_refused() -> None:
    events = recorded(COMPLETED)
    view = view_of(events[:4])

    assert apply(view, events[2]) is view
    with pytest.raises(MissingEvent, match=f"order {ORDER_ID}: event 6 came after event 4"):
        apply(view, events[5])
    with pytest.raises(MissingEvent):
        apply(None, events[1])
