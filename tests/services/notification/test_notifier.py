"""Messages are sent at most once, whenever a worker dies and however often a command is delivered."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from frontispiece.events import AlreadyHandled
from services.notification.model import Channel, Message
from services.notification.notifier import Notifier
from services.notification.store import Store
from services.notification.texts import Language
from tests.services.notification.world import (
    Died,
    Recorder,
    cancelled,
    command,
    commands,
    confirmed,
    delivered,
    dispatched,
    states,
)
from tests.support.clock import Calendar


@pytest.fixture
async def store(database_url: str, clock: Calendar) -> AsyncIterator[Store]:
    async with Store(database_url, now=clock) as store:
        yield store


@pytest.fixture
def mails() -> Recorder:
    return Recorder()


@pytest.fixture
def notifier(store: Store, mails: Recorder) -> Notifier:
    return Notifier(store, {Channel.MAIL: mails, Channel.PUSH: Recorder()}, Language.ENGLISH)


async def test_a_fact_becomes_a_mail_and_a_push_in_the_work_queue_once(
    store: Store, notifier: Notifier
) -> None:
    fact = confirmed()
    await notifier.confirmed(fact)
    with pytest.raises(AlreadyHandled):
        await notifier.confirmed(fact)

    queued = await commands(store)
    assert [each.data.channel for each in queued] == [Channel.MAIL, Channel.PUSH]
    assert {each.type for each in queued} == {"shop.notification.send"}
    assert len({each.data.key for each in queued}) == 2


async def test_what_the_customer_reads_names_the_order_and_what_has_happened(
    store: Store, notifier: Notifier
) -> None:
    await notifier.confirmed(confirmed())
    await notifier.cancelled(cancelled("payment-declined"))
    await notifier.dispatched(dispatched())

    texts = [each.data.text for each in await commands(store) if each.data.channel is Channel.MAIL]
    assert all("5f0c7a5e-6f0e-4b53-9d0b-3a1c8e6f2d47" in text for text in texts)
    assert "€44.25" in texts[0]
    assert "the payment was declined" in texts[1]
    assert "FR000000000001" in texts[2]


async def test_an_order_that_is_picked_up_is_ready_at_its_store_and_never_on_its_way(
    store: Store, notifier: Notifier
) -> None:
    await notifier.dispatched(dispatched(store="Frontispiece Leipzig 1"))
    await notifier.delivered(delivered())  # to a customer, who knows
    assert await commands(store) == []

    await notifier.delivered(delivered(store="Frontispiece Leipzig 1"))

    mail, push = [each.data for each in await commands(store)]
    assert mail.title == push.title == "Your order is ready for pickup"
    assert f"{mail.order_id} is ready for pickup at Frontispiece Leipzig 1." in mail.text


async def test_neither_a_second_delivery_nor_a_second_command_with_its_key_sends_a_message_again(
    store: Store, notifier: Notifier, mails: Recorder
) -> None:
    first = command()
    await notifier.send(first)
    with pytest.raises(AlreadyHandled):
        await notifier.send(first)
    await notifier.send(command())

    assert len(mails.sent) == 1
    assert await states(store) == ["sent"]


@pytest.mark.parametrize(("moment", "sent"), [("before", 0), ("after", 1)])
async def test_a_worker_that_dies_while_it_sends_leaves_a_message_that_is_not_sent_again_and_says_so(
    *,
    store: Store,
    notifier: Notifier,
    mails: Recorder,
    moment: str,
    sent: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    getattr(mails, moment).append(Died())
    delivery = command()
    with pytest.raises(Died):
        await notifier.send(delivery)
    assert await states(store) == ["sending"]

    with caplog.at_level(logging.WARNING):
        await notifier.send(delivery)

    assert len(mails.sent) == sent
    assert await states(store) == ["unconfirmed"]
    assert "is unknown" in caplog.text


async def test_a_delivery_that_comes_while_a_message_is_sent_does_not_keep_it_from_being_recorded(
    store: Store, mails: Recorder
) -> None:
    delivery, again = command(), Recorder()

    class Slow:
        """A sender during whose work the command is delivered a second time."""

        def send(self, message: Message) -> None:
            asyncio.run_coroutine_threadsafe(second.send(delivery), loop).result(60)
            mails.send(message)

    loop = asyncio.get_running_loop()
    first = Notifier(store, {Channel.MAIL: Slow()}, Language.ENGLISH)
    second = Notifier(store, {Channel.MAIL: again}, Language.ENGLISH)
    await first.send(delivery)

    assert (len(mails.sent), len(again.sent)) == (1, 0)
    assert await states(store) == ["sent"]


async def test_a_sender_that_fails_has_sent_nothing_and_the_next_delivery_sends_the_message(
    store: Store, notifier: Notifier, mails: Recorder
) -> None:
    mails.before.append(OSError("no space left"))
    delivery = command()
    with pytest.raises(OSError, match="no space left"):
        await notifier.send(delivery)
    assert await states(store) == []

    await notifier.send(delivery)

    assert len(mails.sent) == 1
    assert await states(store) == ["sent"]


async def test_many_workers_with_the_same_message_send_it_once(
    store: Store, notifier: Notifier, mails: Recorder
) -> None:
    await asyncio.gather(*(notifier.send(command()) for _ in range(10)))

    assert len(mails.sent) == 1
    assert await states(store) == ["sent"]


async def test_each_channel_has_a_message_of_its_own(store: Store, notifier: Notifier) -> None:
    await notifier.confirmed(confirmed())
    for each in await commands(store):
        await notifier.send(each)

    assert [delivery.channel for delivery in await store.deliveries(confirmed().subject)] == ["mail", "push"]
    assert await states(store) == ["sent", "sent"]
