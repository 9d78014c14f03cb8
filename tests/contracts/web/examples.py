"""What the web client, version 1.0.0, relies on."""

from pact import match

from tests.support.contracts import LOGGED_IN, Contract, Exactly, example, problem

SHOP = "the shop sells PEN and INK"
FILLED = "the basket holds PEN and INK"
ORDERED = "the customer has ordered"
MOMENT = match.regex("2030-11-22T23:30:00Z", regex=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")

MONEY = {"amount": 1161, "currency": match.regex("EUR", regex="^[A-Z]{3}$")}
COUNTED = [{"id": "pens", "name": "Pens", "count": 7}]
IMAGE = {
    "alt": "Fine PEN, seen whole",
    "variants": [{"url": match.regex("/pictures/PEN/1-320.svg", regex=r"^/pictures/.+\.svg$"), "width": 320}],
}
CARD = {
    "sku": "PEN",
    "name": "Fine PEN",
    "brand": {"name": "Quill & Co"},
    "image": IMAGE,
    "price": MONEY,
    "list_price": MONEY,
    "stars": {"average": 4.3, "count": 12},
    "available": 3,
}
PLAIN_CARD = CARD | {"stars": None, "available": None}

PRODUCT = {
    "sku": Exactly("PEN"),
    "name": "Fine PEN",
    "description": "It writes.",
    "brand": {"id": "quill", "name": "Quill & Co"},
    "breadcrumbs": [{"label": "Pens", "path": match.regex("/home", regex="^/.*$")}],
    "images": [IMAGE],
    "attributes": match.type({}),
    "price": MONEY,
    "list_price": MONEY,
    "discount": {"percent": 10, "description": "Sale"},
    "available": 3,
    "reviews": {
        "rating": {
            "average": 4.3,
            "count": 12,
            "histogram": match.each_value_matches({"4": 12}, rules=match.int(12)),
        },
        "latest": [
            {"author": "reader", "rating": 4, "title": "Good", "text": "It writes.", "created_at": MOMENT}
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
    "facets": {"brands": COUNTED, "types": COUNTED, "prices": [{"from": 0, "count": 7}]},
}

LINE = {
    "sku": "PEN",
    "quantity": 2,
    "article": {"name": "Fine PEN", "image": IMAGE, "price": MONEY, "available": 3},
    "total": MONEY,
}
BASKET = {"lines": [LINE], "pieces": 3, "total": MONEY}
ORDER = {
    "id": "order-1",
    "status": "confirmed",
    "placed_at": MOMENT,
    "lines": [
        {
            "sku": "PEN",
            "name": "Fine PEN",
            "quantity": 2,
            "unit_price": MONEY,
            "percent_off": 10,
            "total": MONEY,
        }
    ],
    "subtotal": MONEY,
    "discount": MONEY,
    "total": MONEY,
}
ORDER |= {
    "shipping": {"method": "standard", "price": MONEY, "tracking_code": "FS-7"},
    "stage": "placed",
    "timeline": [{"stage": "placed", "at": MOMENT}],
}
ORDERS = [{"id": "order-1", "status": "confirmed", "placed_at": MOMENT, "pieces": 2, "total": MONEY}]
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
DRAFT = {
    "basket_version": 7,
    "lines": [
        {
            "sku": "PEN",
            "quantity": 2,
            "article": {"name": "Fine PEN", "image": IMAGE},
            "price": MONEY,
            "percent_off": 10,
            "total": MONEY,
            "price_when_added": None,
            "available": 3,
            "short": match.bool(False),
        }
    ],
    "subtotal": MONEY,
    "discount": MONEY,
    "goods": MONEY,
    "coupon": {"code": "INK20", "applied": match.bool(False)},
    "deliveries": [{"method": "standard", "days": 3, "price": MONEY, "total": MONEY}],
    "obstacles": ["coupon-invalid"],
}
ORDERING = {"Idempotency-Key": match.regex("an-intent", regex=r"^\S{8,200}$")}
WRITTEN = {"Position": match.regex("41", regex=r"^\d+$")}
READING = {"min_position": "41"}


CONTRACT = Contract(
    client="web",
    version="1.0.0",
    provider="bff-web",
    headers={},
    examples=(
        example(
            "the start page",
            "/home",
            {"types": COUNTED, "brands": COUNTED, "featured": [CARD]},
            SHOP,
        ),
        example("the page of an article", "/products/PEN", PRODUCT, SHOP),
        example(
            "the page of an article of which only the catalogue tells",
            "/products/PEN",
            PLAIN_PRODUCT,
            SHOP,
            "only the catalogue answers",
        ),
        example(
            "the page of an article that nobody knows",
            "/products/NIB",
            problem("product-unknown"),
            status=404,
        ),
        example(
            "the first results of a search",
            "/search",
            RESULTS | {"next": "a-cursor"},
            SHOP,
            "there is more to come",
            query={"q": "fine", "type": "pens", "sort": "price", "limit": "2"},
        ),
        example(
            "the last results of a search",
            "/search",
            RESULTS | {"next": None},
            SHOP,
            query={"q": "fine", "cursor": "a-cursor"},
        ),
        example("the basket", "/basket", BASKET, SHOP, LOGGED_IN, FILLED),
        example("the empty basket", "/basket", {"lines": [], "pieces": Exactly(0), "total": None}, LOGGED_IN),
        example(
            "the basket with articles that are sold no more",
            "/basket",
            BASKET | {"lines": [LINE | {"article": None, "total": None}], "total": None},
            LOGGED_IN,
            FILLED,
        ),
        example("the basket of nobody", "/basket", problem("token-missing"), status=401),
        example(
            "the basket after an article was put in",
            "/basket/items/PEN",
            BASKET,
            SHOP,
            LOGGED_IN,
            method="PUT",
            body={"quantity": 3},
        ),
        example(
            "the basket after an article was taken out",
            "/basket/items/PEN",
            BASKET,
            SHOP,
            LOGGED_IN,
            FILLED,
            method="DELETE",
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
        ),
        example(
            "the order that is cancelled",
            "/orders/order-1/cancel",
            ORDER | {"reason": "cancelled-by-customer"},
            LOGGED_IN,
            method="POST",
            status=202,
            answer_headers=WRITTEN,
        ),
        example(
            "the latest orders",
            "/orders",
            {"items": ORDERS, "next": "a-cursor"},
            LOGGED_IN,
            ORDERED,
            "there is more to come",
        ),
        example("all orders", "/orders", {"items": ORDERS, "next": None}, LOGGED_IN, ORDERED, query=READING),
        example("one order", "/orders/order-1", ORDER, LOGGED_IN, ORDERED, query=READING),
    ),
)
