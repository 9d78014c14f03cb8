"""What the services tell, as far as tests need it; each document has members that no BFF knows of."""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]


def article(sku: str, amount: int = 1290, *, related: Sequence[str] = ()) -> Json:
    """An article as the catalogue tells of it; a BFF knows nothing of the members named `later`."""
    return {
        "sku": sku,
        "name": f"Fine {sku}",
        "description": "It writes. It never blots! It was made for 2. Nobody regrets it.",
        "brand": {"id": "quill", "name": "Quill & Co", "later": 1},
        "type": {"id": "pens", "name": "Pens"},
        "price": {"amount": amount, "currency": "EUR", "later": True},
        "images": [
            {
                "alt": f"Fine {sku}, seen {view}",
                "variants": [
                    {"url": f"/pictures/{sku}/{n}-{w}.svg", "width": w, "height": w, "format": "svg"}
                    for w in (160, 320, 640, 1280)
                ],
                "later": None,
            }
            for n, view in ((1, "whole"), (2, "closely"))
        ],
        "attributes": {"nib": "fine", "sizes": [1, 2]},
        "related": list(related),
        "later": {"anything": "goes"},
    }


def news(number: int, sku: str = "PEN", kind: str = "price_drop") -> Json:
    """News of a brand that the customer follows."""
    return {
        "id": str(number),
        "kind": kind,
        "brand": "quill",
        "sku": sku,
        "at": f"2030-01-02T03:04:{number % 60:02}Z",
        "price": euros(1290),
        "price_before": euros(1490),
        "later": 1,
    }


def review(number: int, text: str = "It writes.") -> Json:
    """What a reader thinks."""
    return {
        "id": f"review-{number}",
        "sku": "PEN",
        "author": f"reader-{number}",
        "rating": 4,
        "title": "Good",
        "text": text,
        "created_at": "2030-01-02T03:04:05Z",
    }


def order(number: int = 1, *, discount: int = 258) -> Json:
    """An order of two articles."""
    line = {"name": "Fine PEN", "quantity": 2, "percent_off": 10, "later": 1}
    return {
        "id": f"order-{number}",
        "status": "confirmed",
        "placed_at": "2030-11-22T23:30:00Z",
        "lines": [{**line, "sku": "PEN", "unit_price": euros(1290), "total": euros(2580 - discount)}],
        "subtotal": euros(2580),
        "discount": euros(discount),
        "total": euros(2580 - discount),
        "shipping": {
            "method": "standard",
            "address": {**ADDRESS, "later": 1},
            "price": euros(490),
            "tracking_code": "FS-7",
            "pickup": None,
        },
        "coupon": None,
        "stage": "shipment-created",
        "reason": None,
        "timeline": [{"stage": "placed", "at": "2030-11-22T23:30:00Z"}],
        "later": [],
    }


ADDRESS: Json = {
    "name": "Ada Reader",
    "street": "Inkwell Lane 7",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}


def picked_up(document: Json) -> Json:
    """The order, for which its customer comes to a store."""
    pickup = {name: STORE[name] for name in STORE.keys() - {"today", "metres", "latitude", "longitude"}}
    return document | {"shipping": document["shipping"] | {"method": "pickup", "pickup": pickup}}


STORE: Json = {
    "store": "7",
    "name": "Frontispiece Leipzig 7",
    "street": "Mill Lane 3",
    "postal_code": "04109",
    "city": "Leipzig",
    "country": "DE",
    "latitude": 51.35,
    "longitude": 12.38,
    "ready_at": "2030-11-23T16:30:00+01:00",
    "today": True,
    "metres": 1234,
}
"""A store near a place, as pickup has it."""


def shipment(order_id: str) -> Json:
    """Where an order's parcel is."""
    return {
        "order_id": order_id,
        "status": "dispatched",
        "tracking_code": "FS-7",
        "tracking": [
            {"status": "created", "at": "2030-11-22T23:31:00Z", "later": 1},
            {"status": "dispatched", "at": "2030-11-23T08:00:00Z"},
        ],
        "later": None,
    }


def checkout(**changes: Any) -> Json:
    """What a customer sends to order the basket."""
    shipping = {"method": "standard", "address": ADDRESS}
    return {
        "basket_version": 7,
        "total": euros(3662),
        "shipping": shipping,
        "payment_token": "tok_visa",
        **changes,
    }


def euros(amount: int) -> Json:
    return {"amount": amount, "currency": "EUR"}
