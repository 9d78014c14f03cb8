"""What the web client relies on: the calls of its API module, and what that reads of the answers."""

from pact import match

from tests.support.consumer import Client
from tests.support.contracts import LOGGED_IN, Contract, Exactly, ServerEvent, example, problem

SHOP = "the shop sells PEN and INK"
FILLED = "the basket holds PEN and INK"
ORDERED = "the customer has ordered"
CHANGED = "prices have changed since"
GIVEN_BACK = "a checkout has given PEN back"
CANCELLED = "the customer has cancelled an order with a coupon"
MOMENT = match.regex("2030-11-22T23:30:00Z", regex=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")

MONEY = {"amount": 1161, "currency": match.regex("EUR", regex="^[A-Z]{3}$")}
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

PRODUCT = {
    "sku": Exactly("PEN"),
    "name": "Fine PEN",
    "description": "It writes.",
    "brand": {"id": "quill", "name": "Quill & Co"},
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
ADDRESS = {
    "name": "Ada Reader",
    "street": "Inkwell Lane 7",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}
ORDER = {
    "id": "order-1",
    "status": "confirmed",
    "placed_at": MOMENT,
    "lines": [{"sku": "PEN", "name": "Fine PEN", "quantity": 2, "percent_off": 10, "total": MONEY}],
    "subtotal": MONEY,
    "discount": MONEY,
    "total": MONEY,
    "shipping": {"method": "standard", "address": ADDRESS, "price": MONEY, "tracking_code": "FS-7"},
    "coupon": None,
    "stage": "placed",
    "reason": None,
    "timeline": [{"stage": "placed", "at": MOMENT}],
}
TRACKED = ORDER | {"tracking": [{"status": "created", "at": MOMENT}]}
SUMMARY = {
    "id": "order-1",
    "status": "confirmed",
    "placed_at": MOMENT,
    "pieces": 2,
    "total": MONEY,
    "reason": None,
}
CHECKOUT = {
    "basket_version": 7,
    "total": {"amount": 3662, "currency": "EUR"},
    "shipping": {"method": "standard", "address": ADDRESS},
    "payment_token": "tok_visa",
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
    "obstacles": ["coupon-invalid"],
}
ORDERING = {"Idempotency-Key": match.regex("an-intent", regex=r"^\S{8,200}$")}
WRITTEN = {"Position": match.regex("41", regex=r"^\d+$")}
READING = {"min_position": "41"}
PROGRESS = {
    "status": "confirmed",
    "stage": "confirmed",
    "at": "2030-11-22T23:31:00Z",
    "tracking_code": "FS-7",
}

CLIENT = Client(module="clients/web/api.js", name="WebApi", prefix="/web", has_session=True)

CONTRACT = Contract(
    client="web",
    version="1.1.0",
    provider="bff-web",
    headers={"X-Client": "web/1.1.0"},
    examples=(
        example(
            "the start page",
            "/home",
            {"types": COUNTED, "brands": COUNTED, "featured": [CARD], "total": 2},
            SHOP,
            call=("home",),
        ),
        example("the page of an article", "/products/PEN", PRODUCT, SHOP, call=("product", "PEN")),
        example(
            "the page of an article of which only the catalogue tells",
            "/products/PEN",
            PLAIN_PRODUCT,
            SHOP,
            "only the catalogue answers",
            call=("product", "PEN"),
        ),
        example(
            "the page of an article that nobody knows",
            "/products/NIB",
            problem("product-unknown"),
            status=404,
            call=("product", "NIB"),
        ),
        example(
            "the first results of a search",
            "/search",
            RESULTS | {"next": "a-cursor"},
            SHOP,
            "there is more to come",
            query={"q": "fine", "type": "pens", "sort": "price", "limit": "2"},
            call=("search", {"q": "fine", "type": ["pens"], "sort": "price", "limit": 2}),
        ),
        example(
            "the last results of a search",
            "/search",
            RESULTS | {"next": None},
            SHOP,
            query={"q": "fine", "cursor": "a-cursor"},
            call=("search", {"q": "fine", "cursor": "a-cursor"}),
        ),
        example("the basket", "/basket", BASKET, SHOP, LOGGED_IN, FILLED, call=("basket",)),
        example(
            "the basket of prices that have changed, and of a piece that a checkout gave back",
            "/basket",
            CHANGED_BASKET,
            SHOP,
            LOGGED_IN,
            FILLED,
            CHANGED,
            GIVEN_BACK,
            call=("basket",),
        ),
        example(
            "the empty basket",
            "/basket",
            {"lines": [], "pieces": Exactly(0), "total": None, "waiting": []},
            LOGGED_IN,
            call=("basket",),
        ),
        example(
            "the basket with articles that are sold no more",
            "/basket",
            BASKET | {"lines": [LINE | {"article": None, "total": None}], "total": None},
            LOGGED_IN,
            FILLED,
            call=("basket",),
        ),
        example("the basket of nobody", "/basket", problem("token-missing"), status=401, call=("basket",)),
        example(
            "the basket after an article was put in",
            "/basket/items/PEN",
            BASKET
            | {"lines": [LINE | {"price_when_added": MONEY}], "waiting": [{"sku": "PEN", "quantity": 1}]},
            SHOP,
            LOGGED_IN,
            CHANGED,
            GIVEN_BACK,
            method="PUT",
            body={"quantity": 3},
            call=("putItem", "PEN", 3),
        ),
        example(
            "the basket after an article was taken out",
            "/basket/items/PEN",
            BASKET
            | {"lines": [LINE | {"price_when_added": MONEY}], "waiting": [{"sku": "PEN", "quantity": 1}]},
            SHOP,
            LOGGED_IN,
            FILLED,
            CHANGED,
            GIVEN_BACK,
            method="DELETE",
            call=("removeItem", "PEN"),
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
            body={"coupon": "INK20", "country": "DE"},
            call=("checkoutDraft", {"coupon": "INK20", "country": "DE"}),
        ),
        example(
            "the checkout of prices that have changed",
            "/checkout/draft",
            DRAFT | {"lines": [DRAFT_LINE | {"price_when_added": MONEY}], "coupon": None, "obstacles": []},
            SHOP,
            LOGGED_IN,
            FILLED,
            CHANGED,
            "parcels go to Germany",
            method="POST",
            body={"country": "DE"},
            call=("checkoutDraft", {"country": "DE"}),
        ),
        example(
            "the checkout to a country that is not served",
            "/checkout/draft",
            problem("country-not-served"),
            SHOP,
            LOGGED_IN,
            FILLED,
            "parcels go nowhere",
            method="POST",
            body={"country": "AQ"},
            status=422,
            call=("checkoutDraft", {"country": "AQ"}),
        ),
        example(
            "the order that was just placed",
            "/checkout",
            ORDER,
            LOGGED_IN,
            method="POST",
            body=CHECKOUT | {"coupon": "INK20"},
            status=202,
            headers=ORDERING,
            answer_headers=WRITTEN,
            call=("placeOrder", CHECKOUT | {"coupon": "INK20"}, "an-intent"),
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
            {"items": [SUMMARY], "next": "a-cursor"},
            LOGGED_IN,
            ORDERED,
            "there is more to come",
            call=("orders",),
        ),
        example(
            "the last orders, and one of them cancelled",
            "/orders",
            {"items": [SUMMARY | {"reason": "cancelled-by-customer"}], "next": None},
            LOGGED_IN,
            CANCELLED,
            query={"cursor": "a-cursor"},
            call=("orders", "a-cursor"),
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
            TRACKED | {"coupon": "INK20", "reason": "cancelled-by-customer"},
            LOGGED_IN,
            CANCELLED,
            call=("order", "order-1"),
        ),
    ),
)
