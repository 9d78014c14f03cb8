"""Typed clients of the services (tolerant readers), and the service behind each."""

from collections.abc import Mapping
from typing import Any, Final

from bff.clients.basket import Baskets
from bff.clients.catalog import Catalog
from bff.clients.discount import Discounts
from bff.clients.feed import Feeds
from bff.clients.inventory import Inventory
from bff.clients.ordering import Orders
from bff.clients.pickup import Pickups
from bff.clients.recommendation import Recommendations
from bff.clients.reviews import Reviews
from bff.clients.shipping import Shipping
from frontispiece.pages import ServiceType
from frontispiece.upstream import GrpcService
from shop.pb.services import DiscountsStub

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
