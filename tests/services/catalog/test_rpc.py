"""The batch read over gRPC."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict

from frontispiece.settings import TokenSettings
from services.catalog.app import CatalogSettings, create_app
from shop.pb.catalog_pb2 import ListProductsRequest
from shop.pb.services import CatalogStub
from tests.conftest import AppClient
from tests.support.events import NO_BROKER


@pytest.fixture
async def doors(
    sqlite_url: str, token_settings: TokenSettings, app_client: AppClient
) -> AsyncIterator[tuple[httpx.AsyncClient, Any]]:
    """A seeded catalog over HTTP and over gRPC."""
    app = create_app(
        CatalogSettings(
            database_url=sqlite_url,
            grpc_listen="127.0.0.1:0",
            seed=True,
            events=NO_BROKER,
            tokens=token_settings,
        )
    )
    async with (
        app_client(app) as http,
        grpc.aio.insecure_channel(f"127.0.0.1:{app.state.grpc_port}") as channel,
    ):
        yield http, CatalogStub(channel)


async def test_products_are_the_same_as_over_http(doors: tuple[httpx.AsyncClient, Any]) -> None:
    http, catalog = doors
    skus = [each["sku"] for each in (await http.get("/products?limit=20")).json()["items"]]
    skus = [skus[0], "nothing", *skus[::-1]]

    expected = (await http.get("/products", params={"sku": skus})).json()
    found = MessageToDict(
        await catalog.ListProducts(ListProductsRequest(skus=skus)), always_print_fields_with_no_presence=True
    )

    for product in found["items"]:  # the JSON of a message has 64-bit integers as texts
        product["price"]["amount"] = int(product["price"]["amount"])
    assert found == expected


@pytest.mark.parametrize("skus", [[], [f"a{n}" for n in range(101)], [""], ["a" * 65]])
async def test_too_few_or_too_many_skus_are_refused(
    doors: tuple[httpx.AsyncClient, Any], skus: list[str]
) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="skus are 1 to 100") as refused:
        await doors[1].ListProducts(ListProductsRequest(skus=skus))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
