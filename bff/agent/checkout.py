"""The checkout: a draft of the order, and the order itself, which the customer confirms."""

from msgspec import Struct

from bff.agent import CHECKOUT_BUDGET, OPTIONAL_TIMEOUT, SHOP, orders
from bff.agent.orders import OrderAnswer, answer_of, state_of
from bff.clients.basket import Basket
from bff.clients.catalog import Product
from bff.clients.common import Money
from bff.clients.discount import BestDiscounts
from bff.clients.inventory import Stock
from bff.clients.ordering import Order
from bff.clients.pickup import Nearby
from bff.clients.shipping import Quote
from bff.shared.checkout import (
    CheckoutRequest,
    Delivery,
    Draft,
    DraftRequest,
    add_draft,
    draft_of,
    draft_page,
    placed_order,
)
from bff.shared.orders import order_path
from frontispiece.http import Problem
from frontispiece.pages import Body, Page, Task, Tool

PICKUP = "pickup"

draft = draft_page(deadline=2.0, optional_timeout=OPTIONAL_TIMEOUT)
draft.agent = Tool("draft checkout", scopes=SHOP, budget=CHECKOUT_BUDGET, paged="lines")

summary = Page("/checkout/summary", deadline=2.0, method="POST")
add_draft(summary, OPTIONAL_TIMEOUT)

place = Page(
    "/checkout",
    deadline=6.0,
    method="POST",
    status=202,
    headers=("Position",),
    location=order_path,
    agent=Tool(
        "place order",
        scopes=SHOP,
        confirm=summary,
        max_bytes=20_000,  # nobody agrees to what is left out: this is a full basket's
        budget=CHECKOUT_BUDGET,
        task=Task(follow=orders.one, cancel=orders.cancel, state=state_of),
    ),
)
place.source(name="order")(placed_order)

pages = [draft, summary, place]


class Line(Struct, frozen=True):
    """A product in a quantity, priced."""

    sku: str
    name: str | None
    quantity: int
    total: Money | None


class PickupOption(Struct, frozen=True):
    """A store for the method `pickup`; the order's total is then that of the goods."""

    store: str
    name: str
    city: str
    ready: str


class DraftAnswer(Struct, frozen=True):
    """What an order of the basket would cost; `obstacles` name what keeps the customer from ordering."""

    basket_version: int
    lines: list[Line]
    goods: Money | None
    deliveries: list[Delivery]
    pickup: list[PickupOption]
    obstacles: list[str]


class Summary(Struct, frozen=True):
    """What the customer is about to buy, and how it is delivered to whom, or picked up at which store."""

    lines: list[Line]
    method: str
    to: str
    store: str | None
    coupon: str | None
    total: Money


@draft.view
def drafted(
    basket: Basket,
    wanted: Body[DraftRequest],
    products: list[Product],
    discounts: BestDiscounts,
    stocks: dict[str, Stock],
    quotes: list[Quote],
    pickups: Nearby | None,
) -> DraftAnswer:
    """What ordering the basket costs: with a country its deliveries, with a place stores near it."""
    found = draft_of(basket, wanted, products, discounts, stocks, quotes)
    return DraftAnswer(
        basket_version=found.basket_version,
        lines=_lines(found),
        goods=found.goods,
        deliveries=found.deliveries,
        pickup=[
            PickupOption(store=each.store, name=each.name, city=each.city, ready=each.ready_at.isoformat())
            for each in (pickups.items if pickups else [])
        ],
        obstacles=found.obstacles,
    )


@summary.source()
async def wanted(checkout: Body[CheckoutRequest]) -> DraftRequest:
    """The draft that the order comes from."""
    return DraftRequest(coupon=checkout.coupon, country=checkout.shipping.address.country)


@summary.view
def summed_up(
    checkout: Body[CheckoutRequest],
    basket: Basket,
    wanted: DraftRequest,
    products: list[Product],
    discounts: BestDiscounts,
    stocks: dict[str, Stock],
    quotes: list[Quote],
) -> Summary:
    """What the customer is about to buy; refused when it is not what the draft has shown."""
    found = draft_of(basket, wanted, products, discounts, stocks, quotes)
    shipping = checkout.shipping
    totals = {each.method: each.total for each in found.deliveries}
    if found.goods is not None:
        totals[PICKUP] = found.goods
    shown = Money(checkout.total.amount, checkout.total.currency)
    if found.basket_version != checkout.basket_version or totals.get(shipping.method) != shown:
        raise Problem(409, "basket-changed", "The basket or its price has changed: read the draft again.")
    if found.obstacles:
        raise Problem(409, found.obstacles[0], "The order cannot be placed as it is: read the draft again.")
    address = shipping.address
    return Summary(
        lines=_lines(found),
        method=shipping.method,
        to=f"{address.name}, {address.street}, {address.postal_code} {address.city}, {address.country}",
        store=shipping.store,
        coupon=checkout.coupon,
        total=shown,
    )


@place.view
def placed(order: Order) -> OrderAnswer:
    """Orders what is in the basket, and pays for it. The order goes on by itself: follow it by its id."""
    return answer_of(order)


def _lines(draft: Draft) -> list[Line]:
    return [
        Line(each.item.sku, each.product.name if each.product else None, each.item.quantity, each.total)
        for each in draft.lines
    ]
