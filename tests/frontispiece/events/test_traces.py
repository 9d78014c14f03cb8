"""One trace goes through the broker: the request, what it publishes, and what handles it."""

from frontispiece.events import EventSettings, Messaging
from frontispiece.telemetry.spans import Tracing
from tests.frontispiece.events.conftest import Add, Added, Bus, Handled
from tests.support.otlp import Collector


async def test_a_trace_goes_from_a_request_through_the_broker(
    bus: Bus, event_settings: EventSettings, collector: Collector
) -> None:
    handled, failed = Handled(), Handled(ValueError("once"))

    async with (
        Tracing("store") as tracing,
        Messaging(event_settings, service="one", handlers={Added: handled}),
        Messaging(event_settings, service="store", handlers={Add: failed}),
    ):
        with tracing.serving("POST", [], {}):
            published = await bus.publish(Added(thing="a"))
            await bus.publish(Add(thing="a"))
        await handled.next()
        await failed.next(2)

    request, sent = collector.span("store", "POST"), collector.span("store", "publish shop.store.added")
    processed = collector.span("one", "process shop.store.added")
    assert request.trace == sent.trace == processed.trace
    assert (sent.parent, processed.parent) == (request.id, sent.id)
    assert processed.about["messaging.message.id"] == published.id
    attempts = [span for span in collector.of("store") if span.name == "process shop.commands.store.add"]
    assert sorted(span.is_error for span in attempts) == [False, True]


async def test_what_a_handler_publishes_is_in_the_trace_of_what_it_handles(
    bus: Bus, event_settings: EventSettings, collector: Collector
) -> None:
    handled = Handled()

    async def add(_command: object) -> None:
        await bus.publish(Added(thing="a"))

    async with (
        Messaging(event_settings, service="one", handlers={Added: handled}),
        Messaging(event_settings, service="store", handlers={Add: add}),
    ):
        await bus.publish(Add(thing="a"))
        await handled.next()

    process = collector.span("store", "process shop.commands.store.add")
    assert collector.span("store", "publish shop.store.added").parent == process.id
    assert collector.span("one", "process shop.store.added").trace == process.trace
