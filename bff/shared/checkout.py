"""The checkout: what a customer is shown before an order, and how one is placed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final

from msgspec import Meta, Struct
from msgspec.structs import replace

from bff.clients.basket import Basket, BasketItem
from bff.clients.catalog import Product
from bff.clients.common import Money
from bff.clients.discount import BestDiscount, BestDiscounts, Discount, Discounts
from bff.clients.inventory import Stock
from bff.clients.ordering import Order, Orders
from bff.clients.pickup import Nearby, Pickups
from bff.clients.shipping import Quote, Shipping
from bff.shared.orders import order_of
from bff.shared.prices import changed_price, current_price
from bff.shared.prices import total as sum_of
from bff.shared.sources import RETRY, basket, basket_skus, products, stocks
from frontispiece.pages import Body, Header, Page
from frontispiece.security import Identity
from shop.fields import COUNTRY, NO_LINE_END

Text = Annotated[str, Meta(min_length=1, max_length=200)]
IdempotencyKey = Annotated[str, Meta(min_length=8, max_length=200)]
Country = Annotated[str, Meta(pattern=COUNTRY + NO_LINE_END)]
Coupon = Annotated[str, Meta(max_length=64)]

MAX_STORES: Final = 5
"""The number of stores that are offered, the nearest ones."""

STORES_TIMEOUT = 1.0
"""In seconds; long, since the customer has asked for stores and waits for them."""


class Near(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the customer would pick an order up: near a place by its name, or near a position in degrees."""

    place: Text | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None


class DraftRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer has filled in so far; without a country nothing is quoted."""

    coupon: Coupon | None = None
    country: Country | None = None
    near: Near | None = None


class AddressRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an order is to be delivered."""

    name: Text
    street: Text
    postal_code: Annotated[str, Meta(min_length=1, max_length=20)]
    city: Text
    country: Country


class ShippingRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How and where an order is to be delivered; with the method `pickup`, at which store."""

    method: Annotated[str, Meta(min_length=1, max_length=32)]
    address: AddressRequest
    store: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class Total(Struct, frozen=True, forbid_unknown_fields=True):
    """The amount that the customer has seen."""

    amount: Annotated[int, Meta(ge=0)]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)")]


class CheckoutRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An order of what is in the basket, as the customer has seen it."""

    basket_version: Annotated[int, Meta(ge=0)]
    total: Total
    shipping: ShippingRequest
    payment_token: Text
    coupon: Coupon | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftLine:
    """A product in the basket, priced; without `product` when the catalog no longer has it.

    `price_when_added` is that of a piece before discounts, where it is another one now; `short` tells of too
    little stock.
    """

    item: BasketItem
    product: Product | None
    price: Money | None
    discount: Discount | None
    total: Money | None
    price_when_added: Money | None
    stock: Stock | None
    short: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """A method of shipping; with it the order costs `total`, which the customer agrees to by ordering."""

    method: str
    days: int
    price: Money
    total: Money


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """Everything that a checkout page shows.

    Amounts are None while there is none of one currency: of an empty basket, or of products in several.
    `obstacles` name what keeps the customer from ordering, by the types of the problems that this would be.
    """

    basket_version: int
    lines: list[DraftLine]
    pieces: int
    subtotal: Money | None
    discount: Money | None
    goods: Money | None
    coupon: str | None
    coupon_applied: bool
    deliveries: list[Delivery]
    obstacles: list[str]


async def coupon_discounts(
    skus: list[str], wanted: Body[DraftRequest], price_rules: Discounts
) -> BestDiscounts:
    """The best discount of each product in the basket, with the coupon: without them totals are wrong."""
    return await price_rules.best(skus, coupon=_code(wanted) or "") if skus else BestDiscounts({})


def no_pickups() -> Nearby | None:
    """The fallback: nothing is known of stores."""
    return None


async def pickups(skus: list[str], wanted: Body[DraftRequest], stores: Pickups) -> Nearby | None:
    """The stores near the customer where the order can be picked up; None while nobody wants to know."""
    near = wanted.near
    if near is None or not skus:
        return None
    skus = skus[:100]  # as many as pickup takes
    if near.latitude is not None and near.longitude is not None:
        return await stores.nearby(skus, MAX_STORES, latitude=near.latitude, longitude=near.longitude)
    if near.place is None:
        return None
    country = {"country": wanted.country} if wanted.country else {}
    return await stores.nearby(skus, MAX_STORES, place=near.place, **country)


async def quotes(basket: Basket, wanted: Body[DraftRequest], shipping: Shipping) -> list[Quote]:
    """The methods of shipping to the customer's country."""
    return await shipping.quotes(wanted.country, basket.pieces) if wanted.country and basket.items else []


def draft_of(
    basket: Basket,
    wanted: DraftRequest,
    products: list[Product],
    discounts: BestDiscounts,
    stocks: dict[str, Stock],
    quotes: list[Quote],
) -> Draft:
    """The draft of the basket: its lines, sums, deliveries and obstacles."""
    known = {product.sku: product for product in products}
    best = discounts.discounts
    lines = [_line(item, known.get(item.sku), best, stocks.get(item.sku)) for item in basket.items]
    goods = sum_of([line.total for line in lines if line.total])
    subtotal = sum_of([_times(line.product.price, line.item) for line in lines if line.product])
    coupon = _code(wanted)
    applied = any(discount.coupon for discount in best.values())
    unused_coupon = (discounts.coupon_problem or "coupon-invalid") if coupon and not applied else None
    return Draft(
        basket_version=basket.version,
        lines=lines,
        pieces=basket.pieces,
        subtotal=subtotal,
        discount=Money(subtotal.amount - goods.amount, goods.currency) if subtotal and goods else None,
        goods=goods,
        coupon=coupon,
        coupon_applied=applied,
        deliveries=[d for quote in quotes if goods and (d := _delivery(quote, goods))],
        obstacles=list(_obstacles(lines, goods, unused_coupon)),
    )


async def placed_order(
    checkout: Body[CheckoutRequest],
    idempotency_key: Header[IdempotencyKey],
    _caller: Identity,
    ordering: Orders,
    x_client: Header[str | None] = None,
) -> Order:
    """The order that was just placed; a repeated `Idempotency-Key` places none."""
    wanted = replace(checkout, coupon=_code(checkout))
    return order_of(await ordering.place(wanted, idempotency_key, x_client))


def draft_page(*, deadline: float, optional_timeout: float, vary: tuple[str, ...] = ()) -> Page:
    """The page of a checkout that is not an order yet, with its sources; a client adds its own view.

    It asks basket, and then catalog, discount, inventory, shipping and, with a place, pickup at once. Stock
    and pickup are optional.
    """
    page = Page("/checkout/draft", deadline=deadline, method="POST", vary=vary)
    add_draft(page, optional_timeout)
    page.source(timeout=STORES_TIMEOUT, fallback=no_pickups)(pickups)
    return page


def add_draft(page: Page, optional_timeout: float) -> None:
    """Add what `draft_of` needs to a page that has a `DraftRequest`, `wanted`."""
    page.source(retry=RETRY)(basket)
    page.source(name="skus")(basket_skus)
    page.source(retry=RETRY)(products)
    page.source(name="discounts", retry=RETRY)(coupon_discounts)
    page.source(timeout=optional_timeout, fallback=dict)(stocks)
    page.source(retry=RETRY)(quotes)


def _code(wanted: DraftRequest | CheckoutRequest) -> str | None:
    """The coupon without the spaces around it; a blank one is none."""
    return (wanted.coupon or "").strip() or None


def _line(
    item: BasketItem, product: Product | None, discounts: dict[str, BestDiscount], stock: Stock | None
) -> DraftLine:
    price = current_price(product, discounts) if product else None
    available = stock.available if stock else None
    return DraftLine(
        item=item,
        product=product,
        price=price,
        discount=discounts.get(item.sku),
        total=_times(price, item) if price else None,
        price_when_added=changed_price(item, product),
        stock=stock,
        short=product is not None and available is not None and available < item.quantity,
    )


def _times(price: Money, item: BasketItem) -> Money:
    return Money(price.amount * item.quantity, price.currency)


def _delivery(quote: Quote, goods: Money) -> Delivery | None:
    if quote.currency != goods.currency:
        return None
    return Delivery(
        method=quote.method,
        days=quote.days,
        price=Money(quote.amount, quote.currency),
        total=Money(goods.amount + quote.amount, quote.currency),
    )


def _obstacles(lines: list[DraftLine], goods: Money | None, unused_coupon: str | None) -> Iterator[str]:
    if not lines:
        yield "basket-empty"
    elif any(line.product is None for line in lines):
        yield "article-unknown"
    elif goods is None:
        yield "currencies-mixed"
    if any(line.short for line in lines):
        yield "out-of-stock"
    if lines and unused_coupon:
        yield unused_coupon
