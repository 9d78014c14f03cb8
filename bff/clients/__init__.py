"""Typed clients of the services (tolerant readers), and the service behind each."""

from collections.abc import Mapping
from typing import Any, Final

from bff.clients.discounts import Discounts
from bff.clients.services import (
    Baskets,
    Catalog,
    Feeds,
    Inventory,
    Orders,
    Pickups,
    Recommendations,
    Reviews,
    Shipping,
)
from frontispiece.pages import ServiceType
from frontispiece.upstream import GrpcService
from shop.pb.discount_pb2_grpc import DiscountsStub

CLIENTS: Final[Mapping[Any, str | ServiceType]] = {
    Catalog: "catalog",
    Inventory: "inventory",
    Reviews: "reviews",
    Recommendations: "recommendation",
    Feeds: "feed",
    Baskets: "basket",
    Orders: "ordering",
    Shipping: "shipping",
    Pickups: "pickup",
    Discounts: GrpcService("discount", DiscountsStub, address="discount-grpc"),
}
"""Every client that pages may ask for."""
