"""The mobile client's checkout: what the screen shows in the customer's language, and the order."""

from msgspec import Struct

from bff.clients.basket import Basket
from bff.clients.catalog import Product
from bff.clients.common import Money
from bff.clients.discount import BestDiscounts
from bff.clients.inventory import Stock
from bff.clients.ordering import Order
from bff.clients.pickup import Nearby
from bff.clients.shipping import Quote
from bff.mobile import OPTIONAL_TIMEOUT
from bff.mobile.device import CARD_WIDTH, Device, device
from bff.mobile.localization import Localization, localization
from bff.mobile.screens.orders import OrderScreen, screen_of
from bff.shared.checkout import DraftLine, DraftRequest, draft_of, draft_page, placed_order
from bff.shared.orders import order_path
from frontispiece.pages import Body, Page

draft = draft_page(deadline=1.5, optional_timeout=OPTIONAL_TIMEOUT, vary=("accept-language", "width"))
place = Page(
    "/checkout",
    deadline=6.0,
    method="POST",
    status=202,
    vary=("accept-language",),
    headers=("Position",),
    location=order_path,
)

pages = [draft, place]

draft.source()(device)
for page in pages:
    page.source()(localization)
place.source(name="order")(placed_order)


class CheckoutLine(Struct, frozen=True, omit_defaults=True):
    """A basket item; without `name` and `total` when the catalog no longer has the product.

    `price_when_added` is what a piece cost before discounts when it was put in, if that has changed.
    """

    sku: str
    quantity: int
    name: str | None = None
    image: str | None = None
    total: str | None = None
    badges: list[str] = []
    price_when_added: str | None = None
    short: bool = False


class Delivery(Struct, frozen=True):
    """A method of shipping; `amount` is the order's `total` with it, as `POST /checkout` takes it."""

    method: str
    days: int
    price: str
    total: str
    amount: Money


class PickupOption(Struct, frozen=True):
    """A store where the order can be picked up from `ready`, today or tomorrow, in the store's own time.

    `amount` is the order's `total` then, as `POST /checkout` takes it.
    """

    store: str
    name: str
    street: str
    city: str
    distance: str
    ready: str
    today: bool
    total: str
    amount: Money


class PickupChoice(Struct, frozen=True, omit_defaults=True):
    """The stores near a place, the nearest first.

    `place` is its name, left out where the customer gave a position; `unknown` says that nobody knows it.
    """

    place: str | None = None
    unknown: bool = False
    options: list[PickupOption] = []


class CheckoutScreen(Struct, frozen=True, omit_defaults=True):
    """Everything on the screen; what is not known or does not apply is left out.

    `goods` is the price of the goods, `saved` what discounts took off it. `coupon_applied` is there with a
    coupon, `pickup` when the customer has said near what place. `obstacles` name what keeps the customer from
    ordering.
    """

    basket_version: int
    lines: list[CheckoutLine]
    goods: str | None = None
    saved: str | None = None
    coupon_applied: bool | None = None
    deliveries: list[Delivery] = []
    pickup: PickupChoice | None = None
    obstacles: list[str] = []


@draft.view
def screen(
    basket: Basket,
    wanted: Body[DraftRequest],
    products: list[Product],
    discounts: BestDiscounts,
    stocks: dict[str, Stock],
    quotes: list[Quote],
    pickups: Nearby | None,
    localization: Localization,
    device: Device,
) -> CheckoutScreen:
    """The checkout screen."""
    draft = draft_of(basket, wanted, products, discounts, stocks, quotes)
    return CheckoutScreen(
        basket_version=draft.basket_version,
        lines=[_line(line, localization, device) for line in draft.lines],
        goods=_price(draft.goods, localization),
        saved=_price(draft.discount, localization) if draft.discount and draft.discount.amount else None,
        coupon_applied=draft.coupon_applied if draft.coupon else None,
        deliveries=[
            Delivery(
                method=each.method,
                days=each.days,
                price=localization.price(each.price),
                total=localization.price(each.total),
                amount=each.total,
            )
            for each in draft.deliveries
        ],
        pickup=_pickup(pickups, draft.goods, localization) if pickups and draft.goods else None,
        obstacles=draft.obstacles,
    )


@place.view
def placed(order: Order, localization: Localization) -> OrderScreen:
    """The order, which is pending."""
    return screen_of(order, localization)


def _pickup(nearby: Nearby, total: Money, localization: Localization) -> PickupChoice:
    return PickupChoice(
        place=nearby.place.name if nearby.place else None,
        unknown=nearby.place is None,
        options=[
            PickupOption(
                store=each.store,
                name=each.name,
                street=each.street,
                city=f"{each.postal_code} {each.city}",
                distance=localization.distance(each.metres),
                ready=localization.local_time(each.ready_at),
                today=each.today,
                total=localization.price(total),
                amount=total,
            )
            for each in nearby.items
        ],
    )


def _line(line: DraftLine, localization: Localization, device: Device) -> CheckoutLine:
    if line.product is None:
        return CheckoutLine(line.item.sku, line.item.quantity)
    return CheckoutLine(
        sku=line.item.sku,
        quantity=line.item.quantity,
        name=line.product.name,
        image=device.image(line.product, CARD_WIDTH),
        total=_price(line.total, localization),
        badges=localization.badges(line.discount, line.stock),
        price_when_added=_price(line.price_when_added, localization),
        short=line.short,
    )


def _price(amount: Money | None, localization: Localization) -> str | None:
    return localization.price(amount) if amount else None
