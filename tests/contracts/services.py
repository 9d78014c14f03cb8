"""What the BFFs' typed clients send to services, where their signatures do not say it."""

from typing import Final

from bff.shared.checkout import AddressRequest, CheckoutRequest, ShippingRequest, Total
from frontispiece.contracts.upstreams import Arguments

CHECKOUT = CheckoutRequest(
    basket_version=7,
    total=Total(3662, "EUR"),
    shipping=ShippingRequest(
        "standard", AddressRequest("Ada Reader", "Inkwell Lane 7", "10115", "Berlin", "DE")
    ),
    payment_token="tok_visa",
)

ARGUMENTS: Final[Arguments] = {
    "Catalog.search": {
        "q": "fine",
        "brand": ["quill"],
        "type": ["pens"],
        "min_price": 1,
        "max_price": 2,
        "sort": "price",
        "cursor": "a-cursor",
        "limit": 20,
    },
    "Catalog.changes": {"cursor": "a-cursor", "limit": 100},
    "Orders.place": {"checkout": CHECKOUT, "idempotency_key": "an-intent", "client": "web/1.4.0"},
    "Orders.events": {"last_event_id": "3"},
    "Discounts.best": {"coupon": "INK20"},
}
