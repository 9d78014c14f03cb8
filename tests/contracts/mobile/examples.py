"""What the mobile client, version 1.0.0, relies on, here with a phone that is set to German."""

from pact import match

from tests.support.contracts import LOGGED_IN, Contract, Exactly, example, problem

SHOP = "the shop sells PEN and INK"
FILLED = "the basket holds PEN and INK"
ORDERED = "the customer has ordered"
GERMAN = {"Accept-Language": "de-DE"}
DISPLAY = {"dpr": "3"}

PRICE = match.regex("11,61\N{NO-BREAK SPACE}€", regex=r"^\d{1,3}(\.\d{3})*,\d{2}\s€$")
DATE = match.regex("22.11.2030", regex=r"^\d{2}\.\d{2}\.\d{4}$")
PICTURE = match.regex("/pictures/PEN/1-640.svg", regex=r"^/pictures/.+\.svg$")
BADGES = ["Nur noch 3"]
STARS = {"average": 4.3, "count": 12}

COMPANION = {"sku": "INK", "name": "Fine INK", "price": PRICE, "image": PICTURE}
TILE = COMPANION | {"was": PRICE, "badges": BADGES, "stars": STARS}

PLAIN_PRODUCT = {
    "sku": Exactly("PEN"),
    "name": "Fine PEN",
    "brand": "Quill & Co",
    "price": PRICE,
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
LINE = SOLD_NO_MORE | {"name": "Fine PEN", "image": PICTURE, "total": PRICE, "badges": BADGES}
BASKET = {"lines": [LINE], "total": PRICE}

ORDER = {
    "id": "order-1",
    "status": "confirmed",
    "date": DATE,
    "lines": [{"sku": "PEN", "name": "Fine PEN", "quantity": 2, "total": PRICE}],
    "total": PRICE,
    "saved": PRICE,
    "shipping": {"method": "standard", "price": PRICE, "to": "Ada Reader, Berlin", "tracking_code": "FS-7"},
    "stage": "placed",
}
ORDERS = [{"id": "order-1", "status": "confirmed", "date": DATE, "pieces": 2, "total": PRICE}]
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
    "lines": [{"sku": "PEN", "quantity": 2, "name": "Fine PEN", "image": PICTURE, "total": PRICE}],
    "goods": PRICE,
    "saved": PRICE,
    "coupon_applied": match.bool(False),
    "deliveries": [
        {
            "method": "standard",
            "days": 3,
            "price": PRICE,
            "total": PRICE,
            "amount": {"amount": 3662, "currency": match.regex("EUR", regex="^[A-Z]{3}$")},
        }
    ],
    "obstacles": ["coupon-invalid"],
}
ORDERING = {"Idempotency-Key": match.regex("an-intent", regex=r"^\S{8,200}$")}
WRITTEN = {"Position": match.regex("41", regex=r"^\d+$")}
READING = {"min_position": "41"}


CONTRACT = Contract(
    client="mobile",
    version="1.0.0",
    provider="bff-mobile",
    headers=GERMAN,
    examples=(
        example(
            "the start screen",
            "/home",
            {"tiles": [TILE], "types": [{"id": "pens", "name": "Pens"}]},
            SHOP,
            query=DISPLAY,
        ),
        example(
            "the start screen of a shop of which only the catalogue tells",
            "/home",
            {"tiles": [COMPANION]},
            SHOP,
            "only the catalogue answers",
            query=DISPLAY,
        ),
        example("the screen of an article", "/products/PEN", PRODUCT, SHOP, query=DISPLAY),
        example(
            "the screen of an article of which only the catalogue tells",
            "/products/PEN",
            PLAIN_PRODUCT,
            SHOP,
            "only the catalogue answers",
            query=DISPLAY,
        ),
        example(
            "the screen of an article that nobody knows",
            "/products/NIB",
            problem("product-unknown"),
            query=DISPLAY,
            status=404,
        ),
        example(
            "the first results of a search",
            "/search",
            RESULTS | {"next": "a-cursor", "types": [{"id": "pens", "name": "Pens", "count": 7}]},
            SHOP,
            "there is more to come",
            query={"q": "fine", "facets": "true", **DISPLAY},
        ),
        example(
            "the last results of a search",
            "/search",
            RESULTS,
            SHOP,
            query={"q": "fine", "cursor": "a-cursor", **DISPLAY},
        ),
        example("the basket", "/basket", BASKET, SHOP, LOGGED_IN, FILLED, query=DISPLAY),
        example("the empty basket", "/basket", {"lines": []}, LOGGED_IN, query=DISPLAY),
        example(
            "the basket with articles that are sold no more",
            "/basket",
            {"lines": [SOLD_NO_MORE]},
            LOGGED_IN,
            FILLED,
            query=DISPLAY,
        ),
        example("the basket of nobody", "/basket", problem("token-missing"), query=DISPLAY, status=401),
        example(
            "the basket after an article was put in",
            "/basket/items/PEN",
            BASKET,
            SHOP,
            LOGGED_IN,
            method="PUT",
            query=DISPLAY,
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
            query=DISPLAY,
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
        ),
        example(
            "the order whose total has changed",
            "/checkout",
            problem("total-changed")
            | {"total": {"amount": 3662, "currency": match.regex("EUR", regex="^[A-Z]{3}$")}},
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
        example("all orders", "/orders", {"items": ORDERS}, LOGGED_IN, ORDERED, query=READING),
        example("one order", "/orders/order-1", ORDER, LOGGED_IN, ORDERED, query=READING),
    ),
)
