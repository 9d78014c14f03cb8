"""What the tests of the catalog sell, look for and say."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import httpx

from services.catalog.model import Named, Product, Search, SearchResult, Sort, StoredProduct
from services.catalog.store import Store
from shop.money import Money


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


def skus(products: Iterable[StoredProduct]) -> list[str]:
    return [entry.product.sku for entry in products]


async def look(store: Store, words: str | None = None, **changes: Any) -> SearchResult:
    sort = Sort.RELEVANCE if words else Sort.NAME
    return await store.search(Search(**{"words": words, "sort": sort} | changes), limit=50)


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


async def enter(http: httpx.AsyncClient, *skus: str, **changes: Any) -> None:
    for sku in skus:
        body = fields(**{"name": f"Log {sku}"} | changes)
        assert (await http.put(f"/products/{sku}", json=body)).status_code == 201
