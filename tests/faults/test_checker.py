"""The checker finds each fault in ledgers that have it, and none in those of a run as it should be."""

from dataclasses import replace

from tests.faults.checker import violations
from tests.faults.ledgers import Accepted, Consumer, Ledgers, Message, Operation, Order, Stock

SOLD = Order(
    id="sold",
    owner="ada",
    basket_version=7,
    lines={"PEN": 2},
    total=500,
    currency="EUR",
    facts=("placed", "confirmed", "completed"),
)
GONE = replace(SOLD, id="gone", lines={"PEN": 1}, total=250, facts=("placed", "cancelled"))


def operation(kind: str, order: Order = SOLD, amount: int | None = None) -> Operation:
    amount = order.total if amount is None else amount
    return Operation(reference=order.id, kind=kind, amount=amount, currency=order.currency)


def messages(order: Order) -> list[Message]:
    return [
        Message(id=f"{order.id}-{fact}", type=f"shop.ordering.{fact}", subject=order.id)
        for fact in order.facts
    ]


PUBLISHED = [*messages(SOLD), *messages(GONE)]

SOUND = Ledgers(
    accepted=[Accepted(order_id=order.id, total=order.total, currency="EUR") for order in (SOLD, GONE)],
    orders={order.id: order for order in (SOLD, GONE)},
    operations=[
        operation("authorise"),
        operation("capture"),
        operation("authorise", GONE),
        operation("void", GONE),
    ],
    stock={"PEN": Stock(start=10, on_hand=8, reserved=0)},
    outboxes={"ordering": 0},
    published=PUBLISHED,
    unhandled={"SHOP_COMMANDS": 0},
    consumers={
        "basket": Consumer(
            types=frozenset({"shop.ordering.placed"}), handled=frozenset({"sold-placed", "gone-placed"})
        )
    },
    read_model={"orders": [("sold", "completed"), ("gone", "cancelled")]},
    projection={"orders": [("gone", "cancelled"), ("sold", "completed")]},
    notifications=["sold:confirmed:mail", "gone:cancelled:mail"],
)

OPEN = replace(SOLD, facts=("placed", "confirmed"))
TWICE = replace(SOLD, facts=(*SOLD.facts, "cancelled"))


def with_order(order: Order) -> Ledgers:
    return replace(SOUND, orders={**SOUND.orders, order.id: order})


def with_operations(*operations: Operation) -> Ledgers:
    return replace(SOUND, operations=operations)


def with_stock(*, on_hand: int = 8, reserved: int = 0) -> Ledgers:
    return replace(SOUND, stock={"PEN": Stock(start=10, on_hand=on_hand, reserved=reserved)})


VOIDED = (operation("authorise", GONE), operation("void", GONE))
PAID = (operation("authorise"), operation("capture"))

FAULTS = [
    (replace(SOUND, orders={"gone": GONE}), "order sold was accepted and is lost"),
    (with_order(replace(SOLD, total=700)), "order sold was accepted for 500 EUR and is one for 700 EUR"),
    (with_order(OPEN), "order sold has not ended: placed, confirmed"),
    (with_order(TWICE), "order sold has ended as completed and cancelled"),
    (with_order(replace(SOLD, id="again")), "ada has bought basket 7 2 times"),
    (with_operations(operation("authorise"), *VOIDED), "order sold is completed: 0 captures and 0 refunds"),
    (
        with_operations(*PAID, operation("capture"), *VOIDED),
        "order sold is completed: 2 captures and 0 refunds",
    ),
    (
        with_operations(operation("authorise"), operation("capture", amount=499), *VOIDED),
        "order sold: capture of 499, not of 500",
    ),
    (
        with_operations(*PAID, operation("authorise", GONE), operation("capture", GONE)),
        "order gone is not completed: 1 captures and 0 refunds",
    ),
    (
        with_operations(*PAID, operation("authorise", GONE)),
        "order gone: 1 authorisations are neither captured nor void",
    ),
    (
        with_operations(*PAID, *VOIDED, operation("capture", replace(SOLD, id="other"))),
        "the acquirer has a capture for other, which is no order",
    ),
    (with_stock(on_hand=9), "PEN: 2 sold and 9 left of 10"),
    (with_stock(on_hand=7), "PEN: 2 sold and 7 left of 10"),
    (with_stock(reserved=1), "PEN: 1 are reserved, and no order is open"),
    (replace(SOUND, stock={}), "PEN: 2 sold, of an article without stock"),
    (replace(SOUND, lowest=-2), "2 units more than there were of an article were reserved or sold"),
    (replace(SOUND, published=PUBLISHED[1:]), "order sold: placed 1 times, published as 0 events"),
    (
        replace(SOUND, published=[*PUBLISHED, replace(PUBLISHED[0], id="again")]),
        "order sold: placed 1 times, published as 2 events",
    ),
    (replace(SOUND, outboxes={"payment": 3}), "payment: 3 events wait to be published"),
    (replace(SOUND, unhandled={"SHOP_COMMANDS": 2}), "SHOP_COMMANDS: 2 messages wait to be handled"),
    (replace(SOUND, parked=["shop.payment.capture of sold"]), "parked: shop.payment.capture of sold"),
    (
        replace(
            SOUND,
            consumers={
                "basket": Consumer(
                    types=frozenset({"shop.ordering.placed"}), handled=frozenset({"sold-placed"})
                )
            },
        ),
        "basket has not handled shop.ordering.placed of gone",
    ),
    (
        replace(SOUND, read_model={"orders": [("sold", "confirmed"), ("gone", "cancelled")]}),
        "orders: 1 rows are not in a fresh projection, 1 of its rows are missing",
    ),
    (
        replace(SOUND, read_model={}),
        "orders: 0 rows are not in a fresh projection, 2 of its rows are missing",
    ),
    (
        replace(SOUND, notifications=["sold:confirmed:mail", "sold:confirmed:mail"]),
        "sold:confirmed:mail was sent 2 times",
    ),
]


def test_the_ledgers_of_a_run_as_it_should_be_have_no_fault() -> None:
    assert violations(SOUND) == []


def test_an_event_that_the_broker_has_twice_is_no_fault() -> None:
    assert violations(replace(SOUND, published=[*PUBLISHED, PUBLISHED[0]])) == []


def test_an_order_whose_acceptance_was_lost_is_no_fault() -> None:
    assert violations(replace(SOUND, accepted=[])) == []


def test_each_fault_is_found() -> None:
    assert [violation for ledgers, violation in FAULTS if violation not in violations(ledgers)] == []
