"""What the mobile client reads of answers, and sends: the parts of its examples. The phone is German."""

from pact import match

from tests.contracts.parts import ADDRESS, CHECKOUT, MONEY
from tests.support.contracts import Exactly, Json

DISPLAY = {"dpr": "3"}

PRICE = match.regex("11,61\N{NO-BREAK SPACE}€", regex=r"^\d{1,3}(\.\d{3})*,\d{2}\s€$")
VERSION = match.regex("1.0.0", regex=r"^\d+\.\d+\.\d+$")
DATE = match.regex("22.11.2030", regex=r"^\d{2}\.\d{2}\.\d{4}$")
PICTURE = match.regex("/pictures/PEN/1-640.svg", regex=r"^/pictures/.+\.svg$")
BADGES = ["Nur noch 3"]
STARS = {"average": 4.3, "count": 12}

COMPANION = {"sku": "INK", "name": "Fine INK", "price": PRICE, "image": PICTURE}
PLAIN_TILE = COMPANION | {"amount": MONEY}
TILE = PLAIN_TILE | {"was": PRICE, "badges": BADGES, "stars": STARS}

NEWS = {
    "id": "2",
    "kind": "price_drop",
    "sku": "PEN",
    "name": "Fine PEN",
    "brand": "Quill & Co",
    "image": PICTURE,
    "price": PRICE,
    "was": PRICE,
    "is_unread": match.bool(True),
    "others": match.int(2),
}

PLAIN_PRODUCT = {
    "sku": Exactly("PEN"),
    "name": "Fine PEN",
    "brand": "Quill & Co",
    "brand_id": "quill",
    "price": PRICE,
    "amount": MONEY,
    "image": PICTURE,
    "description": "It writes.",
    "related": [COMPANION],
}
PRODUCT = PLAIN_PRODUCT | {
    "was": PRICE,
    "badges": BADGES,
    "stars": STARS,
    "review": {"rating": 4, "title": "Good", "text": "It writes."},
}

RESULTS = {"total": 2, "tiles": [TILE]}

SOLD_NO_MORE = {"sku": "PEN", "quantity": 2}
LINE = SOLD_NO_MORE | {
    "name": "Fine PEN",
    "image": PICTURE,
    "price": PRICE,
    "amount": MONEY,
    "total": PRICE,
    "badges": BADGES,
}
BASKET = {"lines": [LINE], "total": PRICE}
CHANGED_BASKET = {
    "lines": [LINE | {"price_when_added": PRICE}],
    "total": PRICE,
    "waiting": [{"sku": "PEN", "quantity": 1}],
}

PARCEL: Json = {"method": "standard", "price": PRICE, "to": "Ada Reader, Berlin", "tracking_code": "FS-7"}
ORDER: Json = {
    "id": "order-1",
    "status": "confirmed",
    "date": DATE,
    "lines": [{"sku": "PEN", "name": "Fine PEN", "quantity": 2, "total": PRICE}],
    "total": PRICE,
    "saved": PRICE,
    "shipping": PARCEL,
    "stage": "placed",
}
TRACKED = ORDER | {"shipping": PARCEL | {"tracking": [{"status": "created", "date": DATE}]}}
ENTRY = {"id": "order-1", "status": "confirmed", "date": DATE, "pieces": 2, "total": PRICE}
DELIVERY = {"method": "standard", "days": 3, "price": PRICE, "total": PRICE, "amount": MONEY}
DRAFT_LINE = SOLD_NO_MORE | {"name": "Fine PEN", "image": PICTURE, "total": PRICE, "badges": BADGES}
PLAIN_DRAFT = {
    "basket_version": 7,
    "lines": [DRAFT_LINE],
    "goods": PRICE,
    "saved": PRICE,
    "deliveries": [DELIVERY],
}
DRAFT = PLAIN_DRAFT | {"coupon_applied": match.bool(False), "obstacles": ["coupon-invalid"]}
STORE = {
    "store": "7",
    "name": "Frontispiece Leipzig 7",
    "street": "Mill Lane 3",
    "city": "04109 Leipzig",
    "distance": "1.2 km",
    "ready": "4:30\u202fPM",
    "today": match.bool(True),
    "total": PRICE,
    "amount": MONEY,
}
PICKUP: Json = {
    "name": "Frontispiece Leipzig 7",
    "address": "Mill Lane 3, 04109 Leipzig",
    "ready": "Nov 23, 2030, 4:30\u202fPM",
}
PICKED_UP = TRACKED | {"shipping": TRACKED["shipping"] | {"pickup": PICKUP}}
PICKING_UP: Json = CHECKOUT | {"shipping": {"method": "pickup", "address": ADDRESS, "store": "7"}}
PROGRESS = {"status": "confirmed", "stage": "confirmed"}
