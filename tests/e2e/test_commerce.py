"""The catalogue by the Universal Commerce Protocol, as its own models read it."""

from typing import Any, TypeVar

import httpx
import pytest
from pydantic import BaseModel
from ucp_sdk.models.schemas.common.types.error_response import ErrorResponse
from ucp_sdk.models.schemas.profile import BusinessSchema
from ucp_sdk.models.schemas.shopping.catalog_lookup import GetProductResponse, LookupResponse
from ucp_sdk.models.schemas.shopping.catalog_search import SearchResponse

from tests.support.shop import RunningShop

pytestmark = pytest.mark.e2e

Response = TypeVar("Response", bound=BaseModel)


@pytest.fixture
def catalog(http: httpx.Client) -> "Catalog":
    return Catalog(http)


class Catalog:
    """What a platform reads that knows the shop's address alone."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self.profile = BusinessSchema.model_validate(http.get("/.well-known/ucp").json())
        (service,) = self.profile.ucp.services["dev.ucp.shopping"]
        self.endpoint = str(service.model_dump()["endpoint"])

    def post(self, operation: str, shape: type[Response], **request: Any) -> Response:
        """A response, which is what the protocol calls one."""
        agent = {"UCP-Agent": 'profile="https://platform.example/profile"'}
        answer = self._http.post(f"{self.endpoint}/catalog/{operation}", json=request, headers=agent)
        assert answer.status_code == 200, answer.text
        return shape.model_validate(answer.json())


def test_a_platform_finds_products_from_the_profile_on(catalog: Catalog, shop: RunningShop) -> None:
    assert catalog.endpoint == f"{shop.url}/ucp"
    price = {"max": 10_000}

    found = catalog.post(
        "search", SearchResponse, query="pen", filters={"price": price}, pagination={"limit": 2}
    )

    assert found.pagination is not None
    assert found.pagination.has_next_page
    assert 0 < len(found.products) <= 2
    assert all(0 < each.price_range.max.amount <= price["max"] for each in found.products)
    after = {"cursor": found.pagination.cursor, "limit": 2}
    further = catalog.post("search", SearchResponse, query="pen", filters={"price": price}, pagination=after)
    assert {each.id for each in further.products}.isdisjoint(each.id for each in found.products)


def test_a_platform_looks_products_up_by_their_ids(catalog: Catalog) -> None:
    found = catalog.post("lookup", LookupResponse, ids=["PENS-001", "NONE-1", "PENS-001"])
    (product,) = found.products
    one = catalog.post("product", GetProductResponse, id="PENS-001").product

    assert product.variants is not None
    (variant,) = product.variants
    assert (variant.id, [each.id for each in variant.inputs]) == ("PENS-001", ["PENS-001"])
    assert found.model_dump()["messages"][0]["content"] == "NONE-1"
    assert (one.id, one.variants[0].price.currency) == ("PENS-001", "EUR")
    assert catalog.post("product", ErrorResponse, id="../x").ucp.status == "error"


def test_a_search_for_nothing_is_refused(http: httpx.Client) -> None:
    assert http.post("/ucp/catalog/search", json={}).status_code == 422
    refused = http.post("/ucp/catalog/search", json={"filters": {"price": {"max": 10**13}}})
    assert "$.filters.price.max" in refused.text
    assert http.post("/ucp/catalog/lookup", json={"ids": ["X"] * 101}).status_code == 400
