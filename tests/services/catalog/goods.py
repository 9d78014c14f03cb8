"""What the tests of the catalog sell, look for and say."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import httpx

from kit.money import Money
from services.catalog.model import Entry, Found, Named, Product, Search, Sort
from services.catalog.store import Store


def product(sku: str, name: str, **changes: Any) -> Product:
    plain = Product(
        sku=sku,
        name=name,
        description="",
        brand=Named(id="oak", name="Oak"),
        type=Named(id="pens", name="Pens"),
        price=Money(amount=1000, currency="EUR"),
        attributes={},
        related=(),
    )
    return replace(plain, **changes)


def euros(amount: int) -> Money:
    return Money(amount=amount * 100, currency="EUR")


INKS = Named(id="inks", name="Inks")
ELM = Named(id="elm", name="Elm")
GOODS = (
    product("P-1", "Reed pen", description="Cut by hand, for ink and patience.", price=euros(5)),
    product(
        "P-2", "Brass pen", brand=ELM, price=euros(40), attributes={"nib": ["steel", {"width": "0.7 mm"}]}
    ),
    product("P-3", "Écriture", brand=ELM, price=euros(300), related=("P-1", "I-1")),
    product("I-1", "Black ink", type=INKS, price=euros(12), description="For every pen that is clean."),
    product("I-2", "brown ink", type=INKS, brand=ELM, price=euros(12)),
    product("I-3", "Ink pens' ink", type=INKS, price=euros(12)),
)


def skus(entries: Iterable[Entry]) -> list[str]:
    return [entry.product.sku for entry in entries]


async def look(store: Store, words: str | None = None, **asked: Any) -> Found:
    sort = Sort.RELEVANCE if words else Sort.NAME
    return await store.search(Search(**{"words": words, "sort": sort} | asked), limit=50)


def fields(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": "Harbour Log",
        "description": "For weather and tides.",
        "brand": {"id": "oak", "name": "Oak"},
        "type": {"id": "notebooks", "name": "Notebooks"},
        "price": {"amount": 1450, "currency": "EUR"},
        "attributes": {"leaves": 96, "paper": {"gsm": 100}},
        "related": ["PENS-001"],
    }
    return plain | changes


async def enter(http: httpx.AsyncClient, clerk: dict[str, str], *skus: str, **changes: Any) -> None:
    rows = [fields(sku=sku, name=f"Log {sku}", **changes) for sku in skus]
    key = {"Idempotency-Key": f"bring-in-{'-'.join(skus)}"}
    answer = await http.post("/imports", json={"products": rows}, headers={**clerk, **key})
    assert answer.status_code == 201


def places(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    return [".".join(error["at"]) for error in answer.json()["errors"]]
