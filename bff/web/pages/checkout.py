"""The web client's checkout: everything that the page shows, and the order."""

from msgspec import Struct

from bff.clients.basket import Basket
from bff.clients.catalog import Product
from bff.clients.common import Moment, Money
from bff.clients.discount import BestDiscounts
from bff.clients.inventory import Stock
from bff.clients.ordering import Order
from bff.clients.pickup import Nearby
from bff.clients.shipping import Quote
from bff.shared.checkout import Delivery, DraftLine, DraftRequest, draft_of, draft_page, placed_order
from bff.shared.orders import order_path
from bff.web import OPTIONAL_TIMEOUT
from bff.web.cards import Card, cards
from frontispiece.pages import Body, Page

draft = draft_page(deadline=2.0, optional_timeout=OPTIONAL_TIMEOUT)
place = Page("/checkout", deadline=8.0, method="POST", status=202, headers=("Position",), location=order_path)

pages = [draft, place]

place.source(name="order")(placed_order)


class CheckoutLine(Struct, frozen=True):
    """A basket item; without `article`, `price` and `total` when the catalog no longer has the product.

    `price` is that of a piece, `percent_off` included. `price_when_added` is what a piece cost before
    discounts when it was put in, if that has changed. `short`: there are fewer in stock.
    """

    sku: str
    quantity: int
    article: Card | None
    price: Money | None
    percent_off: int
    total: Money | None
    price_when_added: Money | None
    available: int | None
    short: bool


class CouponState(Struct, frozen=True):
    """The coupon that the customer gave, and whether it takes anything off."""

    code: str
    applied: bool


class PickupOption(Struct, frozen=True):
    """A store where the order can be picked up for `total`, so many `metres` away.

    `ready_at` is in the store's own time, and `today` says whether that is its today.
    """

    store: str
    name: str
    street: str
    postal_code: str
    city: str
    metres: int
    ready_at: Moment
    today: bool
    total: Money


class PickupChoice(Struct, frozen=True):
    """The stores near a place, the nearest first: none when `known` is false.

    `place` is its name, null where the customer gave a position.
    """

    place: str | None
    known: bool
    options: list[PickupOption]


class CheckoutPage(Struct, frozen=True):
    """Everything on the page: `POST /checkout` takes its `basket_version` and the `total` of a delivery.

    `subtotal` is the price of the goods before the discount, `goods` after it. `pickup` is null until the
    customer says near what place. `obstacles` name what keeps
    the customer from ordering.
    """

    basket_version: int
    lines: list[CheckoutLine]
    pieces: int
    subtotal: Money | None
    discount: Money | None
    goods: Money | None
    coupon: CouponState | None
    deliveries: list[Delivery]
    pickup: PickupChoice | None
    obstacles: list[str]


@draft.view
def screen(
    basket: Basket,
    wanted: Body[DraftRequest],
    products: list[Product],
    discounts: BestDiscounts,
    stocks: dict[str, Stock],
    quotes: list[Quote],
    pickups: Nearby | None,
) -> CheckoutPage:
    """The checkout page."""
    draft = draft_of(basket, wanted, products, discounts, stocks, quotes)
    return CheckoutPage(
        basket_version=draft.basket_version,
        lines=[_line(line) for line in draft.lines],
        pieces=draft.pieces,
        subtotal=draft.subtotal,
        discount=draft.discount,
        goods=draft.goods,
        coupon=CouponState(draft.coupon, draft.coupon_applied) if draft.coupon else None,
        deliveries=draft.deliveries,
        pickup=_pickup(pickups, draft.goods) if pickups and draft.goods else None,
        obstacles=draft.obstacles,
    )


@place.view
def order_page(order: Order) -> Order:
    """The order, which is pending."""
    return order


def _pickup(nearby: Nearby, total: Money) -> PickupChoice:
    return PickupChoice(
        place=nearby.place.name if nearby.place else None,
        known=nearby.place is not None,
        options=[
            PickupOption(
                store=each.store,
                name=each.name,
                street=each.street,
                postal_code=each.postal_code,
                city=each.city,
                metres=each.metres,
                ready_at=each.ready_at,
                today=each.today,
                total=total,
            )
            for each in nearby.items
        ],
    )


def _line(line: DraftLine) -> CheckoutLine:
    (card,) = cards([line.product], {}, {}, {}) if line.product else (None,)
    return CheckoutLine(
        sku=line.item.sku,
        quantity=line.item.quantity,
        article=card,
        price=line.price,
        percent_off=line.discount.percent if line.discount else 0,
        total=line.total,
        price_when_added=line.price_when_added,
        available=line.stock.available if line.stock else None,
        short=line.short,
    )
