"""Native gRPC from a client's grpcio through Envoy to the shop's discounts."""

import re
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest

from shop.pb import catalog_pb2
from shop.pb import discount_pb2 as pb
from shop.pb.services import CatalogStub, DiscountsStub
from tests.support.shop import RunningShop

pytestmark = pytest.mark.e2e


@pytest.fixture
def channel(shop: RunningShop) -> Iterator[grpc.Channel]:
    """A channel to the port that `front up` names."""
    found = re.search(r"Native gRPC is served at (\S+)", shop.printed)
    assert found is not None, shop.printed
    with grpc.insecure_channel(found[1]) as channel:
        yield channel


def test_an_operator_writes_a_discount_natively_that_all_read_as_json(
    shop: RunningShop, channel: grpc.Channel, http: httpx.Client, article: str
) -> None:
    discounts = DiscountsStub(channel)

    def metadata(user: str) -> list[tuple[str, str]]:
        return [("authorization", shop.phone(user)["Authorization"])]

    wanted = pb.CreateDiscountRequest(
        idempotency_key=f"natively-{article}", discount=pb.Discount(sku=article, percent=11)
    )
    for caller, code in [([], "UNAUTHENTICATED"), (metadata("shopper"), "PERMISSION_DENIED")]:
        with pytest.raises(grpc.RpcError) as refused:
            discounts.CreateDiscount(wanted, metadata=caller, timeout=60)
        assert refused.value.code().name == code

    made = discounts.CreateDiscount(wanted, metadata=metadata("clerk"), timeout=60)
    again = discounts.CreateDiscount(wanted, metadata=metadata("clerk"), timeout=60)
    assert (made.percent, again.id) == (11, made.id)
    assert http.get(f"/api/discount/discounts/{made.id}").json()["sku"] == article
    with pytest.raises(grpc.RpcError) as invalid:  # the service's own refusal, with its type
        discounts.CreateDiscount(pb.CreateDiscountRequest(), metadata=metadata("clerk"), timeout=60)
    assert invalid.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    metadata_of_refusal: Any = invalid.value.trailing_metadata()
    assert dict(metadata_of_refusal)["problem-type"] == "invalid-request"


def test_a_partner_reads_many_products_by_one_native_call(
    shop: RunningShop, channel: grpc.Channel, http: httpx.Client
) -> None:
    token = ("authorization", shop.phone("reader")["Authorization"])
    wanted = catalog_pb2.ListProductsRequest(skus=["PENS-001", "INKS-002", "none"])

    found = CatalogStub(channel).ListProducts(wanted, metadata=[token], timeout=60)

    assert [each.sku for each in found.items] == ["PENS-001", "INKS-002"]
    assert list(found.unknown) == ["none"]
    assert found.items[0].name == http.get("/api/catalog/products/PENS-001").json()["name"]
