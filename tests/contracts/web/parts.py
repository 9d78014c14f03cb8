"""What the web client reads of answers, and sends: the parts of its examples."""

from typing import Any

from pact import match

from tests.contracts.parts import ADDRESS, MONEY
from tests.support.contracts import Exactly

MOMENT = match.regex("2030-11-22T23:30:00Z", regex=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")

NAMED = {"id": "pens", "name": "Pens"}
COUNTED = [NAMED | {"count": 7}]
IMAGE = {
    "alt": "Fine PEN, seen whole",
    "variants": [{"url": match.regex("/pictures/PEN/1-320.svg", regex=r"^/pictures/.+\.svg$"), "width": 320}],
}
ARTICLE = {
    "sku": "PEN",
    "name": "Fine PEN",
    "image": IMAGE,
    "price": MONEY,
    "list_price": MONEY,
    "available": 3,
}
CARD = ARTICLE | {"brand": {"name": "Quill & Co"}, "stars": {"average": 4.3, "count": 12}}
PLAIN_CARD = CARD | {"stars": None, "available": None}

NEWS = {
    "id": "2",
    "kind": "price_drop",
    "sku": "PEN",
    "name": "Fine PEN",
    "brand": "Quill & Co",
    "image": IMAGE,
    "at": MOMENT,
    "price": MONEY,
    "price_before": MONEY,
    "is_unread": match.bool(True),
    "others": match.int(2),
}
NO_NEWS = {"items": Exactly([]), "follows": Exactly([]), "unread": 0, "newest": None, "next": None}

PRODUCT = {
    "sku": Exactly("PEN"),
    "name": "Fine PEN",
    "description": "It writes.",
    "brand": {"id": "quill", "name": "Quill & Co"},
    "following": None,
    "type": NAMED,
    "images": [IMAGE],
    "attributes": match.type({}),
    "price": MONEY,
    "list_price": MONEY,
    "discount": {"description": "Sale"},
    "available": 3,
    "reviews": {
        "rating": {
            "average": 4.3,
            "count": 12,
            "histogram": match.each_value_matches({"4": 12}, rules=match.int(12)),
        },
        "latest": [
            {
                "id": "review-1",
                "author": "reader",
                "rating": 4,
                "title": "Good",
                "text": "It writes.",
                "created_at": MOMENT,
            }
        ],
    },
    "related": [CARD],
}
PLAIN_PRODUCT = PRODUCT | {
    "discount": None,
    "available": None,
    "reviews": {"rating": None, "latest": []},
    "related": [PLAIN_CARD],
}

RESULTS = {
    "total": 2,
    "items": [CARD],
    "facets": {"brands": COUNTED, "types": COUNTED, "prices": [{"from": 0, "to": None, "count": 7}]},
}

LINE = {"sku": "PEN", "quantity": 2, "article": ARTICLE, "total": MONEY, "price_when_added": None}
BASKET = {"lines": [LINE], "pieces": 3, "total": MONEY, "waiting": []}
CHANGED_BASKET = BASKET | {
    "lines": [LINE | {"price_when_added": MONEY}],
    "waiting": [{"sku": "PEN", "quantity": 1}],
}
ORDER: dict[str, Any] = {
    "id": "order-1",
    "status": "confirmed",
    "placed_at": MOMENT,
    "lines": [{"sku": "PEN", "name": "Fine PEN", "quantity": 2, "percent_off": 10, "total": MONEY}],
    "subtotal": MONEY,
    "discount": MONEY,
    "total": MONEY,
    "shipping": {
        "method": "standard",
        "address": ADDRESS,
        "price": MONEY,
        "tracking_code": "FS-7",
        "pickup": None,
    },
    "coupon": None,
    "stage": "placed",
    "reason": None,
    "timeline": [{"stage": "placed", "at": MOMENT}],
}
TRACKED = ORDER | {"tracking": [{"status": "created", "at": MOMENT}]}
CHANGES = {
    "status": ORDER["status"],
    "stage": ORDER["stage"],
    "reason": ORDER["reason"],
    "timeline": ORDER["timeline"],
    "shipping": {"trackingCode": "FS-7"},
    "tracking": TRACKED["tracking"],
}
SUMMARY = {
    "id": "order-1",
    "status": "confirmed",
    "placedAt": MOMENT,
    "pieces": 2,
    "total": MONEY,
    "reason": None,
    "parcel": None,
}
DRAFT_LINE = {
    "sku": "PEN",
    "quantity": 2,
    "article": {"name": "Fine PEN", "image": IMAGE},
    "percent_off": 10,
    "total": MONEY,
    "price_when_added": None,
    "available": 3,
    "short": match.bool(False),
}
DRAFT = {
    "basket_version": 7,
    "lines": [DRAFT_LINE],
    "subtotal": MONEY,
    "discount": MONEY,
    "coupon": {"code": "INK20", "applied": match.bool(False)},
    "deliveries": [{"method": "standard", "days": 3, "price": MONEY, "total": MONEY}],
    "pickup": None,
    "obstacles": ["coupon-invalid"],
}
STORE = {
    "store": "7",
    "name": "Frontispiece Leipzig 7",
    "street": "Mill Lane 3",
    "city": "Leipzig",
    "metres": 1234,
    "ready_at": "2030-11-23T16:30:00+01:00",
    "today": match.bool(True),
    "total": MONEY,
}
PICKED_UP = TRACKED | {
    "shipping": {
        "method": "pickup",
        "address": ADDRESS,
        "price": MONEY,
        "tracking_code": "FS-7",
        "pickup": {
            "name": "Frontispiece Leipzig 7",
            "street": "Mill Lane 3",
            "postal_code": "04109",
            "city": "Leipzig",
            "ready_at": "2030-11-23T16:30:00+01:00",
        },
    }
}
PROGRESS = {
    "id": "3",
    "status": "confirmed",
    "stage": "confirmed",
    "at": "2030-11-22T23:31:00Z",
    "trackingCode": "FS-7",
}
