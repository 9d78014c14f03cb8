"""What the BFFs read of services' responses: only the fields that some page needs (tolerant readers)."""

from datetime import datetime
from typing import Annotated, Any, Generic, NamedTuple, Self, TypeVar

from msgspec import Meta, Struct

Item = TypeVar("Item")

Sku = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)")]
"""A product's number; `$` alone would accept a line end after it."""

Quantity = Annotated[int, Meta(ge=1, le=999)]
Moment = Annotated[datetime, Meta(tz=True)]


class Money(Struct, frozen=True):
    """An amount in minor units, with its ISO 4217 currency."""

    amount: int
    currency: str


class Items(Struct, Generic[Item], frozen=True):
    """The items of a list or of a batch read, which leaves unknown ones out."""

    items: list[Item]


class Named(Struct, frozen=True):
    """A brand or type."""

    id: str
    name: str


class Variant(Struct, frozen=True):
    """An image file: its path at the gateway and its size in pixels."""

    url: str
    width: int
    height: int
    format: str


class Image(Struct, frozen=True):
    """An image, in several sizes."""

    alt: str
    variants: list[Variant]


class Product(Struct, frozen=True):
    """A product of the catalog."""

    sku: str
    name: str
    description: str
    brand: Named
    type: Named
    price: Money
    images: list[Image]
    attributes: dict[str, Any]
    related: list[str]


class Counted(Struct, frozen=True):
    """A brand or type with its number of products."""

    id: str
    name: str
    count: int


class PriceRange(Struct, frozen=True, rename={"from_": "from"}):
    """How many products cost from … to … minor units (None: no bound)."""

    from_: int | None
    to: int | None
    count: int


class Facets(Struct, frozen=True):
    """How a search could be narrowed."""

    brands: list[Counted]
    types: list[Counted]
    prices: list[PriceRange]


class ProductChanges(Struct, frozen=True):
    """Some of what has changed in the catalog: products as they are now, and skus of those that are gone."""

    upserts: list[Product]
    removed: list[str]
    cursor: str
    more: bool


class SearchResult(Struct, frozen=True):
    """A page of what a search found."""

    items: list[Product]
    total: int
    facets: Facets
    next: str | None = None


class Stock(Struct, frozen=True):
    """Pieces of a product that are available; None when that is not known."""

    sku: str
    available: int | None

    @classmethod
    def unknown(cls) -> Self:
        """The stock when inventory does not answer."""
        return cls(sku="", available=None)


class Recommended(Struct, frozen=True):
    """A product that customers of another one have bought, too."""

    sku: str


class Rating(Struct, frozen=True):
    """A product's average rating, 1 to 5; None while it has no reviews."""

    sku: str = ""
    count: int = 0
    average: float | None = None
    histogram: dict[str, int] = {}


class Review(Struct, frozen=True):
    """The review of one customer."""

    id: str
    author: str
    rating: int
    title: str
    text: str
    created_at: str


class ReviewList(Struct, frozen=True):
    """Some reviews, newest first."""

    items: list[Review]

    @classmethod
    def none(cls) -> Self:
        """No reviews."""
        return cls([])


class Discount(Struct, frozen=True):
    """A percentage off a product's price, and why."""

    percent: int
    description: str


class BestDiscount(Discount, frozen=True):
    """The best discount for a customer, and the coupon that it takes: empty for none."""

    coupon: str


class BestDiscounts(NamedTuple):
    """The best discount of each product that has one, and the problem of a coupon that does not count."""

    discounts: dict[str, BestDiscount]
    coupon_problem: str = ""


class News(Struct, frozen=True):
    """News of a brand that a customer follows; the prices are those of its time, None for news of stock."""

    id: str
    kind: str
    brand: str
    sku: str
    at: Moment
    price: Money | None
    price_before: Money | None


class Timeline(Struct, frozen=True):
    """The news of the brands that a customer follows, newest first; they are read up to an id.

    `follows` is None while it is not known.
    """

    items: list[News] = []
    follows: list[str] | None = []
    unread: int = 0
    read_up_to: str = "0"


class Unread(Struct, frozen=True):
    """How many news a customer has not read: 100 for as many or more."""

    unread: int


class Follows(Struct, frozen=True):
    """The brands that a customer follows, by id; None while that is not known."""

    items: list[str] | None


class BasketItem(Struct, frozen=True):
    """A product in a quantity; a piece cost `price_when_added` when it was put in, None if not known."""

    sku: str
    quantity: int
    price_when_added: Money | None = None


class WaitingItem(Struct, frozen=True):
    """A product in a quantity that a checkout gave back, and for which the basket has no room."""

    sku: str
    quantity: int


class Basket(Struct, frozen=True):
    """A basket; each state of it has a version of its own."""

    items: list[BasketItem]
    version: int
    waiting: list[WaitingItem] = []

    @property
    def pieces(self) -> int:
        """The number of pieces of all products together."""
        return sum(item.quantity for item in self.items)


class Quote(Struct, frozen=True):
    """A method of shipping: its price in minor units, and the working days that it takes."""

    method: str
    amount: int
    currency: str
    days: int


class Address(Struct, frozen=True):
    """Where an order is delivered; `country` is an ISO 3166-1 alpha-2 code."""

    name: str
    street: str
    postal_code: str
    city: str
    country: str


class Place(Struct, frozen=True):
    """A place by its name; without one, a position that a device gave."""

    name: str | None = None


class PickupStore(Struct, frozen=True):
    """A store near a place: when an order of now is ready there, in the store's own time."""

    store: str
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    ready_at: Moment
    today: bool
    metres: int


class Nearby(Struct, frozen=True):
    """The stores near a place, the nearest first; without a place where nobody knows one of that name."""

    place: Place | None
    items: list[PickupStore]


class Pickup(Struct, frozen=True):
    """The store where an order is picked up, and from when in the store's own time."""

    store: str
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    ready_at: Moment


class OrderShipping(Struct, frozen=True):
    """How and where an order is delivered; no `tracking_code` before there is a shipment.

    With `pickup` the customer comes for it to a store.
    """

    method: str
    address: Address
    price: Money
    tracking_code: str | None = None
    pickup: Pickup | None = None


class TrackingEvent(Struct, frozen=True):
    """A state that an order's parcel has come to, and when."""

    status: str
    at: Moment


class Shipment(Struct, frozen=True):
    """Where an order's parcel is; `tracking` begins with the oldest event."""

    order_id: str
    status: str
    tracking: list[TrackingEvent]


class Milestone(Struct, frozen=True):
    """A stage of an order, and when the order came to it."""

    stage: str
    at: Moment


class OrderEvent(Struct, frozen=True):
    """A stage that an order has come to; those after it are read by its `id`."""

    status: str
    stage: str
    at: Moment
    tracking_code: str | None = None
    reason: str | None = None
    id: str = ""


class OrderLine(Struct, frozen=True):
    """A product in a quantity, at the price of the order."""

    sku: str
    name: str
    quantity: int
    unit_price: Money
    percent_off: int
    total: Money


class Order(Struct, frozen=True):
    """An order.

    `stage` is finer than `status`; `timeline` has all stages so far. `reason` says why an order is, or is
    being, cancelled. Orders of the time before shipping have no `shipping`.
    """

    id: str
    status: str
    placed_at: Moment
    lines: list[OrderLine]
    subtotal: Money
    discount: Money
    total: Money
    shipping: OrderShipping | None = None
    coupon: str | None = None
    stage: str | None = None
    reason: str | None = None
    timeline: list[Milestone] = []


class Written(Struct, frozen=True):
    """An order after a change; reads that name its `position` have seen the change."""

    order: Order
    position: bytes | None


class OrderSummary(Struct, frozen=True):
    """An order in a list."""

    id: str
    status: str
    placed_at: Moment
    pieces: int
    total: Money
    stage: str | None = None
    reason: str | None = None


class OrderList(Struct, frozen=True):
    """Some orders, newest first."""

    items: list[OrderSummary]
    next: str | None = None
