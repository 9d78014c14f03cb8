"""What comes of payment's commands: duplicates, any order, copies at once, and an acquirer with faults."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from frontispiece.events import Event, EventData
from frontispiece.upstream import TimedOut
from services.acquirer.faults import Faults
from services.payment.events import (
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
)
from services.payment.handlers import NotAuthorised
from services.payment.model import Kind, Status
from services.payment.store import Changed
from tests.services.payment.world import (
    HANGS,
    TIMEOUT,
    World,
    authorise,
    cancel,
    capture,
    order,
)
from tests.support.redelivery import deliver_unkindly

Command = Callable[[str], Event[Any]]

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Where it is about the acquirer."""


SUM: dict[str, Any] = {"amount": 4250, "currency": "EUR"}
AUTHORISED, CAPTURED, REFUNDED = (
    partial(fact, **SUM) for fact in (PaymentAuthorised, PaymentCaptured, PaymentRefunded)
)


def declined(reason: str) -> Callable[..., EventData]:
    return partial(PaymentDeclined, reason=reason)


async def operations(world: World) -> list[tuple[str, int]]:
    return [(operation.kind.value, operation.amount) for operation in await world.at_acquirer()]


def decline(order_id: str) -> Event[Any]:
    return authorise(order_id, token="tok_declined")


@pytest.mark.parametrize(
    ("commands", "facts", "carried_out"),
    [
        ([authorise, capture], [AUTHORISED, CAPTURED], ["authorise", "capture"]),
        ([authorise, cancel], [AUTHORISED, PaymentVoided], ["authorise", "void"]),
        (
            [authorise, capture, authorise, capture, cancel, cancel, capture],
            [*[AUTHORISED, CAPTURED] * 2, *[REFUNDED] * 3],
            ["authorise", "capture", "refund"],
        ),
        ([decline, cancel], [declined("card-declined"), PaymentVoided], ["authorise"]),
        ([cancel, authorise], [PaymentVoided, declined("cancelled")], []),
    ],
    ids=["captured", "voided", "sent anew and refunded", "declined", "cancelled before"],
)
async def test_each_command_has_its_fact_and_is_carried_out_once(
    world: World, commands: list[Command], facts: list[Callable[..., EventData]], carried_out: list[str]
) -> None:
    a = order()
    for command in commands:
        await world.deliver(command(a))

    assert await world.facts(a) == [fact(order_id=a) for fact in facts]
    assert await operations(world) == [(kind, 4250) for kind in carried_out]
    assert await world.ledgers_agree()


async def test_a_capture_that_comes_before_its_authorisation_waits_for_it(world: World) -> None:
    a = order()
    early = capture(a)
    with pytest.raises(NotAuthorised):
        await world.copies[0].capture(early)
    await world.deliver(authorise(a))
    await world.deliver(early)

    assert (await world.payment(a)).status is Status.CAPTURED


async def test_a_second_amount_for_the_same_order_is_parked(world: World) -> None:
    a = order()
    await world.deliver(authorise(a))
    await world.deliver(authorise(a, amount=1))
    await world.deliver(authorise(a, owner="shopper"))

    assert len(world.parked) == 2
    assert await operations(world) == [("authorise", 4250)]


async def test_a_payment_of_nothing_is_a_payment(world: World) -> None:
    a = order()
    await world.deliver(authorise(a, amount=0))
    await world.deliver(capture(a))

    assert (await world.payment(a)).status is Status.CAPTURED


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


CARD_NUMBERS = [
    "4111111111111111",
    "4222222222222",
    "6304000000000000000",
    "4111 1111 1111 1111",
    "tok_4111111111111111",
    "tok_4111-1111-1111-1111",
    "tok_x4222222222222y",
]


async def test_a_card_s_number_is_refused_and_appears_nowhere(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for number in CARD_NUMBERS:
        a = order()
        await world.deliver(authorise(a, token=number))

        assert await world.facts(a) == [PaymentDeclined(order_id=a, reason="invalid-token")]
        assert (await world.payment(a)).token == ""
        assert number not in caplog.text
        assert number.encode() not in contents(tmp_path)
    assert await operations(world) == []


async def test_two_copies_with_the_same_message_charge_once(world: World) -> None:
    orders = [order() for _ in range(10)]
    for command in (authorise, capture):
        await asyncio.gather(*(world.deliver_twice(command(a)) for a in orders))

    assert Counter(await operations(world)) == {("authorise", 4250): 10, ("capture", 4250): 10}
    for a in orders:
        assert len(await world.facts(a)) == 2
    assert await world.ledgers_agree()


@pytest.mark.parametrize("before", [(), (authorise,)], ids=["authorising", "capturing"])
async def test_a_cancellation_at_the_same_time_leaves_nothing_reserved_or_taken(
    before: tuple[Command, ...], world: World
) -> None:
    orders = [order() for _ in range(10)]
    competing = capture if before else authorise
    for command in before:
        await asyncio.gather(*(world.deliver(command(a)) for a in orders))
    await asyncio.gather(
        *(world.deliver_twice(competing(a)) for a in orders),
        *(world.deliver_twice(cancel(a)) for a in orders),
    )

    sums = Counter[str]()
    for operation in await world.at_acquirer():
        sums[operation.kind] += 1
    assert sums["authorise"] == sums["void"] + sums["capture"]
    assert sums["capture"] == sums["refund"]
    for a in orders:
        assert (await world.payment(a)).status in {Status.VOIDED, Status.REFUNDED}
        assert any(isinstance(fact, PaymentVoided | PaymentRefunded) for fact in await world.facts(a))
    assert await world.ledgers_agree()


@ON_SQLITE
async def test_a_time_out_after_the_charge_ends_in_one_charge(hasty: World) -> None:
    hasty.switch(HANGS)  # no operation is ever answered in time: only its key can tell
    a = order()
    await hasty.deliver(authorise(a))
    await hasty.deliver(capture(a))

    assert await operations(hasty) == [("authorise", 4250), ("capture", 4250)]
    assert (await hasty.payment(a)).status is Status.CAPTURED
    assert await hasty.ledgers_agree()


@ON_SQLITE
async def test_a_cancellation_after_a_crash_voids_what_was_reserved_without_an_answer(hasty: World) -> None:
    a = order()
    hasty.switch(Faults(delay=8 * TIMEOUT))
    with pytest.raises(TimedOut):
        await hasty.copies[0].authorise(authorise(a))  # and is never delivered again
    hasty.switch(Faults())
    await hasty.deliver(cancel(a))

    assert await operations(hasty) == [("authorise", 4250), ("void", 4250)]
    assert await hasty.facts(a) == [PaymentVoided(order_id=a)]


async def test_what_was_taken_without_an_answer_is_refunded(world: World) -> None:
    a = order()
    await world.deliver(authorise(a))
    payment = await world.payment(a)
    for kind in (Kind.CAPTURE, Kind.REFUND):  # by a copy that died before it could store either
        await world.client.carry_out(payment, kind)
    await world.deliver(cancel(a))

    assert (await world.payment(a)).status is Status.REFUNDED
    assert await operations(world) == [("authorise", 4250), ("capture", 4250), ("refund", 4250)]
    assert await world.ledgers_agree()


async def test_a_copy_that_has_read_an_older_state_publishes_nothing_of_it(world: World) -> None:
    a = order()
    await world.deliver(authorise(a))
    outdated = await world.payment(a)
    await world.deliver(cancel(a))
    fact = PaymentAuthorised(order_id=a, amount=4250, currency="EUR")

    with pytest.raises(Changed):
        await world.store.settle(authorise(a), outdated, outdated, [], fact)
    assert (await world.facts(a))[-1] == PaymentVoided(order_id=a)


FAULTS = {
    "time-outs after the charge": HANGS,
    "some time-outs": Faults(timeout_rate=0.5, hang=2 * TIMEOUT),
    "errors": Faults(error_rate=0.6),
    "duplicates": Faults(duplicate_rate=1),
    "slow": Faults(delay=1.5 * TIMEOUT),
    "declines": Faults(declined_above=4252),
    "all": Faults(timeout_rate=0.3, error_rate=0.3, duplicate_rate=0.5, delay=0.01, hang=2 * TIMEOUT),
}


@ON_SQLITE
@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
async def test_with_every_fault_each_order_is_charged_once_and_the_right_sum(
    faults: Faults, hasty: World
) -> None:
    hasty.switch(faults)
    amounts = {order(): 4250 + number for number in range(6)}

    async def check_out(order_id: str, amount: int) -> None:
        await hasty.deliver_twice(authorise(order_id, amount=amount))
        if (await hasty.payment(order_id)).status is Status.AUTHORISED:
            await hasty.deliver_twice(cancel(order_id) if amount % 3 == 0 else capture(order_id))

    await asyncio.gather(*(check_out(*each) for each in amounts.items()))
    ledger = await hasty.at_acquirer()
    captured = {(each.reference, each.amount) for each in ledger if each.kind == "capture"}
    statuses = {a: (await hasty.payment(a)).status for a in amounts}

    assert len(ledger) == len({operation.key for operation in ledger})
    assert captured == {(a, amounts[a]) for a, status in statuses.items() if status is Status.CAPTURED}
    assert set(statuses.values()) <= {Status.CAPTURED, Status.VOIDED, Status.DECLINED}
    for a, status in statuses.items():
        assert len(await hasty.facts(a)) == (1 if status is Status.DECLINED else 2)
    assert await hasty.ledgers_agree()
    assert hasty.parked == []


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_the_broker_does_what_was_cancelled_costs_nothing_and_the_rest_once(
    seed: int, hasty: World
) -> None:
    hasty.switch(Faults(timeout_rate=0.1, error_rate=0.2, duplicate_rate=0.2, hang=2 * TIMEOUT))
    taken, cancelled = [order() for _ in range(5)], [order() for _ in range(5)]
    messages = [command(a) for a in taken for command in (authorise, capture)]
    messages += [command(a) for a in cancelled for command in (authorise, capture, cancel)]
    await deliver_unkindly(messages, hasty.handle, seed=seed)

    balance = Counter[tuple[str, str]]()
    for operation in await hasty.at_acquirer():
        balance[operation.reference, operation.kind] += 1
    for a in taken:
        assert (balance[a, "authorise"], balance[a, "capture"], balance[a, "refund"]) == (1, 1, 0)
    for a in cancelled:
        assert balance[a, "authorise"] == balance[a, "void"] + balance[a, "capture"]
        assert balance[a, "capture"] == balance[a, "refund"]
    assert await hasty.ledgers_agree()
