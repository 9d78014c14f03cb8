"""The mobile client, version 1.0.0: what it asks of its backend, and every field that it reads."""

import uuid
from typing import Any, TypeVar

from msgspec import Struct

from tests.contracts.asking import Problem, ask

Read = TypeVar("Read")


class Named(Struct, frozen=True):
    id: str
    name: str


class Counted(Struct, frozen=True):
    id: str
    name: str
    count: int


class Stars(Struct, frozen=True):
    average: float
    count: int


class Tile(Struct, frozen=True, omit_defaults=True):
    sku: str
    name: str
    price: str
    was: str | None = None
    badges: list[str] = []
    image: str | None = None
    stars: Stars | None = None


class Home(Struct, frozen=True, omit_defaults=True):
    tiles: list[Tile]
    types: list[Named] = []


class Review(Struct, frozen=True):
    rating: int
    title: str
    text: str


class Companion(Struct, frozen=True, omit_defaults=True):
    sku: str
    name: str
    price: str
    image: str | None = None


class ProductScreen(Struct, frozen=True, omit_defaults=True):
    sku: str
    name: str
    brand: str
    price: str
    was: str | None = None
    badges: list[str] = []
    image: str | None = None
    description: str = ""
    stars: Stars | None = None
    review: Review | None = None
    related: list[Companion] = []


class Results(Struct, frozen=True, omit_defaults=True):
    total: int
    tiles: list[Tile]
    next: str | None = None
    types: list[Counted] = []


class Line(Struct, frozen=True, omit_defaults=True):
    sku: str
    quantity: int
    name: str | None = None
    image: str | None = None
    total: str | None = None
    badges: list[str] = []


class Basket(Struct, frozen=True, omit_defaults=True):
    lines: list[Line]
    total: str | None = None


class OrderEntry(Struct, frozen=True):
    id: str
    status: str
    date: str
    pieces: int
    total: str


class Orders(Struct, frozen=True, omit_defaults=True):
    items: list[OrderEntry]
    next: str | None = None


class OrderLine(Struct, frozen=True):
    sku: str
    name: str
    quantity: int
    total: str


class Order(Struct, frozen=True, omit_defaults=True):
    id: str
    status: str
    date: str
    lines: list[OrderLine]
    total: str
    saved: str | None = None


class MobileClient:
    """The client on a phone of three physical pixels for one, whose owner reads German.

    Its owner is logged in, or a guest without a token.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url
        self._token = token

    def home(self) -> Home | Problem:
        return self._ask(Home, "GET", "/home", params={"dpr": "3"})

    def product(self, sku: str) -> ProductScreen | Problem:
        return self._ask(ProductScreen, "GET", f"/products/{sku}", params={"dpr": "3"})

    def search(self, **criteria: str) -> Results | Problem:
        return self._ask(Results, "GET", "/search", params=criteria | {"dpr": "3"})

    def basket(self) -> Basket | Problem:
        return self._ask(Basket, "GET", "/basket", params={"dpr": "3"})

    def put(self, sku: str, quantity: int) -> Basket | Problem:
        return self._ask(
            Basket, "PUT", f"/basket/items/{sku}", params={"dpr": "3"}, json={"quantity": quantity}
        )

    def remove(self, sku: str) -> Basket | Problem:
        return self._ask(Basket, "DELETE", f"/basket/items/{sku}", params={"dpr": "3"})

    def order(self) -> Order | Problem:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return self._ask(Order, "POST", "/orders", json={}, headers=key)

    def orders(self) -> Orders | Problem:
        return self._ask(Orders, "GET", "/orders")

    def placed(self, order_id: str) -> Order | Problem:
        return self._ask(Order, "GET", f"/orders/{order_id}")

    def _ask(
        self, kind: type[Read], method: str, path: str, headers: dict[str, str] | None = None, **request: Any
    ) -> Read | Problem:
        sent = {"Accept-Language": "de-DE", **(headers or {})}
        return ask(kind, method, self._url + path, token=self._token, headers=sent, **request)
