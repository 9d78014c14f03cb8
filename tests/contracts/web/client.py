"""The web client, version 1.0.0: what it asks of its backend, and every field that it reads."""

import uuid
from typing import Any, TypeVar

from msgspec import Struct

from tests.contracts.asking import Problem, ask

Read = TypeVar("Read")


class Money(Struct, frozen=True):
    amount: int
    currency: str


class Named(Struct, frozen=True):
    id: str
    name: str


class Counted(Struct, frozen=True):
    id: str
    name: str
    count: int


class Label(Struct, frozen=True):
    name: str


class Variant(Struct, frozen=True):
    url: str
    width: int


class Image(Struct, frozen=True):
    alt: str
    variants: list[Variant]


class Stars(Struct, frozen=True):
    average: float | None
    count: int


class Card(Struct, frozen=True):
    sku: str
    name: str
    brand: Label
    image: Image | None
    price: Money
    list_price: Money
    stars: Stars | None
    available: int | None


class Home(Struct, frozen=True):
    types: list[Counted]
    brands: list[Counted]
    featured: list[Card]


class Crumb(Struct, frozen=True):
    label: str
    path: str


class Discount(Struct, frozen=True):
    percent: int
    description: str


class Rating(Struct, frozen=True):
    average: float | None
    count: int
    histogram: dict[str, int]


class Review(Struct, frozen=True):
    author: str
    rating: int
    title: str
    text: str
    created_at: str


class Opinion(Struct, frozen=True):
    rating: Rating | None
    latest: list[Review]


class ProductPage(Struct, frozen=True):
    sku: str
    name: str
    description: str
    brand: Named
    breadcrumbs: list[Crumb]
    images: list[Image]
    attributes: dict[str, Any]
    price: Money
    list_price: Money
    discount: Discount | None
    available: int | None
    reviews: Opinion
    related: list[Card]


class PriceRange(Struct, frozen=True, rename={"from_": "from"}):
    from_: int
    count: int


class Facets(Struct, frozen=True):
    brands: list[Counted]
    types: list[Counted]
    prices: list[PriceRange]


class Results(Struct, frozen=True):
    total: int
    items: list[Card]
    facets: Facets
    next: str | None


class Article(Struct, frozen=True):
    name: str
    image: Image | None
    price: Money
    available: int | None


class Line(Struct, frozen=True):
    sku: str
    quantity: int
    article: Article | None
    total: Money | None


class Basket(Struct, frozen=True):
    lines: list[Line]
    pieces: int
    total: Money | None


class OrderEntry(Struct, frozen=True):
    id: str
    status: str
    placed_at: str
    pieces: int
    total: Money


class Orders(Struct, frozen=True):
    items: list[OrderEntry]
    next: str | None


class OrderLine(Struct, frozen=True):
    sku: str
    name: str
    quantity: int
    unit_price: Money
    percent_off: int
    total: Money


class Order(Struct, frozen=True):
    id: str
    status: str
    placed_at: str
    lines: list[OrderLine]
    subtotal: Money
    discount: Money
    total: Money


class WebClient:
    """The client of somebody who is logged in, or of a guest without a token."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url
        self._token = token

    def home(self) -> Home | Problem:
        return self._ask(Home, "GET", "/home")

    def product(self, sku: str) -> ProductPage | Problem:
        return self._ask(ProductPage, "GET", f"/products/{sku}")

    def search(self, **criteria: str) -> Results | Problem:
        return self._ask(Results, "GET", "/search", params=criteria)

    def basket(self) -> Basket | Problem:
        return self._ask(Basket, "GET", "/basket")

    def put(self, sku: str, quantity: int) -> Basket | Problem:
        return self._ask(Basket, "PUT", f"/basket/items/{sku}", json={"quantity": quantity})

    def remove(self, sku: str) -> Basket | Problem:
        return self._ask(Basket, "DELETE", f"/basket/items/{sku}")

    def order(self, coupon: str) -> Order | Problem:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return self._ask(Order, "POST", "/orders", json={"coupon": coupon}, headers=key)

    def orders(self) -> Orders | Problem:
        return self._ask(Orders, "GET", "/orders")

    def placed(self, order_id: str) -> Order | Problem:
        return self._ask(Order, "GET", f"/orders/{order_id}")

    def _ask(self, kind: type[Read], method: str, path: str, **request: Any) -> Read | Problem:
        return ask(kind, method, self._url + path, token=self._token, **request)
