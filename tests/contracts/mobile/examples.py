"""What the mobile client relies on: the calls of its API module, and what that reads. The phone is German."""

from pact import match

from tests.support.consumer import Client
from tests.support.contracts import LOGGED_IN, Contract, Exactly, Json, ServerEvent, example, problem

SHOP = "the shop sells PEN and INK"
FILLED = "the basket holds PEN and INK"
ORDERED = "the customer has ordered"
CHANGED = "prices have changed since"
GIVEN_BACK = "a checkout has given PEN back"
CANCELLED = "the customer has cancelled an order with a coupon"
GERMAN = {"Accept-Language": "de-DE"}
DISPLAY = {"dpr": "3"}

PRICE = match.regex("11,61\N{NO-BREAK SPACE}€", regex=r"^\d{1,3}(\.\d{3})*,\d{2}\s€$")
VERSION = match.regex("1.0.0", regex=r"^\d+\.\d+\.\d+$")
DATE = match.regex("22.11.2030", regex=r"^\d{2}\.\d{2}\.\d{4}$")
PICTURE = match.regex("/pictures/PEN/1-640.svg", regex=r"^/pictures/.+\.svg$")
MONEY = {"amount": 1161, "currency": match.regex("EUR", regex="^[A-Z]{3}$")}
BADGES = ["Nur noch 3"]
STARS = {"average": 4.3, "count": 12}

COMPANION = {"sku": "INK", "name": "Fine INK", "price": PRICE, "image": PICTURE}
PLAIN_TILE = COMPANION | {"amount": MONEY}
TILE = PLAIN_TILE | {"was": PRICE, "badges": BADGES, "stars": STARS}

PLAIN_PRODUCT = {
    "sku": Exactly("PEN"),
    "name": "Fine PEN",
    "brand": "Quill & Co",
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

PARCEL: Json = {
    "method": "standard",
    "price": PRICE,
    "to": "Ada Reader, Berlin",
    "tracking_code": "FS-7",
}
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
ADDRESS = {
    "name": "Ada Reader",
    "street": "Inkwell Lane 7",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}
CHECKOUT = {
    "basket_version": 7,
    "total": {"amount": 3662, "currency": "EUR"},
    "shipping": {"method": "standard", "address": ADDRESS},
    "payment_token": "tok_visa",
}
DELIVERY = {"method": "standard", "days": 3, "price": PRICE, "total": PRICE, "amount": MONEY}
DRAFT_LINE = SOLD_NO_MORE | {"name": "Fine PEN", "image": PICTURE, "total": PRICE, "badges": BADGES}
DRAFT = {
    "basket_version": 7,
    "lines": [DRAFT_LINE],
    "goods": PRICE,
    "saved": PRICE,
    "coupon_applied": match.bool(False),
    "deliveries": [DELIVERY],
    "obstacles": ["coupon-invalid"],
}
ORDERING = {"Idempotency-Key": match.regex("an-intent", regex=r"^\S{8,200}$")}
WRITTEN = {"Position": match.regex("41", regex=r"^\d+$")}
READING = {"min_position": "41"}
PROGRESS = {"status": "confirmed", "stage": "confirmed"}

CLIENT = Client(
    module="clients/mobile/api.js",
    name="MobileApi",
    prefix="/mobile",
    options={"dpr": 3, "language": "de-DE"},
)

CONTRACT = Contract(
    client="mobile",
    version="1.1.0",
    provider="bff-mobile",
    headers={"X-Client": "mobile/1.1.0", **GERMAN},
    examples=(
        example(
            "the start screen",
            "/home",
            {"tiles": [TILE], "types": [{"id": "pens", "name": "Pens"}]},
            SHOP,
            query=DISPLAY,
            call=("home",),
        ),
        example(
            "the start screen of a shop of which only the catalogue tells",
            "/home",
            {"tiles": [PLAIN_TILE]},
            SHOP,
            "only the catalogue answers",
            query=DISPLAY,
            call=("home",),
        ),
        example(
            "the screen of an article", "/products/PEN", PRODUCT, SHOP, query=DISPLAY, call=("product", "PEN")
        ),
        example(
            "the screen of an article of which only the catalogue tells",
            "/products/PEN",
            PLAIN_PRODUCT,
            SHOP,
            "only the catalogue answers",
            query=DISPLAY,
            call=("product", "PEN"),
        ),
        example(
            "the screen of an article that nobody knows",
            "/products/NIB",
            problem("product-unknown"),
            query=DISPLAY,
            status=404,
            call=("product", "NIB"),
        ),
        example(
            "the first results of a search",
            "/search",
            RESULTS | {"next": "a-cursor", "types": [{"id": "pens", "name": "Pens", "count": 7}]},
            SHOP,
            "there is more to come",
            query={"q": "fine", "facets": "true", **DISPLAY},
            call=("search", {"q": "fine", "facets": True}),
        ),
        example(
            "the last results of a search",
            "/search",
            RESULTS,
            SHOP,
            query={"q": "fine", "cursor": "a-cursor", **DISPLAY},
            call=("search", {"q": "fine", "cursor": "a-cursor"}),
        ),
        example(
            "the whole catalogue, for the time without a network",
            "/sync",
            {
                "cursor": "a-cursor",
                "products": {"upserts": [TILE], "deleted": []},
                "more": match.bool(False),
            },
            SHOP,
            query=DISPLAY,
            call=("sync", None),
        ),
        example(
            "what has changed in the catalogue",
            "/sync",
            {
                "cursor": "a-cursor",
                "products": {"upserts": [TILE], "deleted": ["CAP"]},
                "more": match.bool(False),
            },
            SHOP,
            "CAP is sold no more",
            query={"cursor": "a-cursor", **DISPLAY},
            call=("sync", "a-cursor"),
        ),
        example(
            "what has changed since a cursor of another catalogue",
            "/sync",
            problem("cursor-expired"),
            "the cursor is from another catalogue",
            query={"cursor": "a-cursor", **DISPLAY},
            status=410,
            call=("sync", "a-cursor"),
        ),
        example("the basket", "/basket", BASKET, SHOP, LOGGED_IN, FILLED, query=DISPLAY, call=("basket",)),
        example(
            "the basket of prices that have changed, and of a piece that a checkout gave back",
            "/basket",
            CHANGED_BASKET,
            SHOP,
            LOGGED_IN,
            FILLED,
            CHANGED,
            GIVEN_BACK,
            query=DISPLAY,
            call=("basket",),
        ),
        example(
            "what the app asks at its start",
            "/config",
            {
                "minimum_version": VERSION,
                "latest_version": VERSION,
                "flags": match.type({}),
            },
            call=("config",),
        ),
        example("the empty basket", "/basket", {"lines": []}, LOGGED_IN, query=DISPLAY, call=("basket",)),
        example(
            "the basket with articles that are sold no more",
            "/basket",
            {"lines": [SOLD_NO_MORE]},
            LOGGED_IN,
            FILLED,
            query=DISPLAY,
            call=("basket",),
        ),
        example(
            "the basket of nobody",
            "/basket",
            problem("token-missing"),
            query=DISPLAY,
            status=401,
            call=("basket",),
        ),
        example(
            "the basket after an article was put in",
            "/basket/items/PEN",
            CHANGED_BASKET,
            SHOP,
            LOGGED_IN,
            CHANGED,
            GIVEN_BACK,
            method="PUT",
            query=DISPLAY,
            headers=ORDERING,
            body={"quantity": 3},
            call=("putItem", "PEN", 3, "an-intent"),
        ),
        example(
            "the basket after an article was taken out",
            "/basket/items/PEN",
            CHANGED_BASKET,
            SHOP,
            LOGGED_IN,
            FILLED,
            CHANGED,
            GIVEN_BACK,
            method="DELETE",
            query=DISPLAY,
            headers=ORDERING,
            call=("removeItem", "PEN", "an-intent"),
        ),
        example(
            "the checkout",
            "/checkout/draft",
            DRAFT,
            SHOP,
            LOGGED_IN,
            FILLED,
            "parcels go to Germany",
            method="POST",
            query=DISPLAY,
            body={"coupon": "INK20", "country": "DE"},
            call=("checkoutDraft", {"coupon": "INK20", "country": "DE"}),
        ),
        example(
            "the checkout of prices that have changed, and of more pieces than there are",
            "/checkout/draft",
            {
                "basket_version": 7,
                "lines": [DRAFT_LINE | {"price_when_added": PRICE, "short": match.bool(True)}],
                "goods": PRICE,
                "deliveries": [DELIVERY],
                "obstacles": ["out-of-stock"],
            },
            SHOP,
            LOGGED_IN,
            "the basket holds five of PEN and of INK",
            CHANGED,
            "parcels go to Germany",
            method="POST",
            query=DISPLAY,
            body={"country": "DE"},
            call=("checkoutDraft", {"country": "DE"}),
        ),
        example(
            "the order that was just placed",
            "/checkout",
            ORDER,
            LOGGED_IN,
            method="POST",
            body=CHECKOUT,
            status=202,
            headers=ORDERING,
            answer_headers=WRITTEN,
            call=("placeOrder", CHECKOUT, "an-intent"),
        ),
        example(
            "the order that was placed before, and cancelled",
            "/checkout",
            ORDER | {"reason": "cancelled-by-customer"},
            LOGGED_IN,
            "the order was placed before, and cancelled",
            method="POST",
            body=CHECKOUT,
            status=202,
            headers=ORDERING,
            answer_headers=WRITTEN,
            call=("placeOrder", CHECKOUT, "an-intent"),
        ),
        example(
            "the order whose total has changed",
            "/checkout",
            problem("total-changed") | {"total": MONEY},
            LOGGED_IN,
            "prices have changed",
            method="POST",
            body=CHECKOUT,
            status=409,
            headers=ORDERING,
            call=("placeOrder", CHECKOUT, "an-intent"),
        ),
        example(
            "the order that is cancelled",
            "/orders/order-1/cancel",
            ORDER | {"reason": "cancelled-by-customer"},
            LOGGED_IN,
            method="POST",
            status=202,
            answer_headers=WRITTEN,
            call=("cancelOrder", "order-1"),
        ),
        example(
            "the latest orders",
            "/orders",
            {"items": [ENTRY], "next": "a-cursor"},
            LOGGED_IN,
            ORDERED,
            "there is more to come",
            call=("orders",),
        ),
        example(
            "all orders, and one of them cancelled",
            "/orders",
            {"items": [ENTRY | {"reason": "cancelled-by-customer"}]},
            LOGGED_IN,
            CANCELLED,
            query=READING,
            call=("orders", None, {"minPosition": "41"}),
        ),
        example(
            "one order",
            "/orders/order-1",
            TRACKED,
            LOGGED_IN,
            ORDERED,
            query=READING,
            call=("order", "order-1", {"minPosition": "41"}),
        ),
        example(
            "the stages that an order comes to",
            "/orders/order-1/events",
            ServerEvent(PROGRESS),
            LOGGED_IN,
            headers={"Accept": "text/event-stream"},
            call=("orderEvents", "order-1"),
        ),
        example(
            "one order that is cancelled",
            "/orders/order-1",
            TRACKED | {"reason": "cancelled-by-customer"},
            LOGGED_IN,
            CANCELLED,
            call=("order", "order-1"),
        ),
    ),
)
