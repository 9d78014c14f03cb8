"""What the web client, version 1.0.0, relies on."""

from pact import match

from tests.contracts.web.client import WebClient
from tests.support.contracts import CUSTOMER, LOGGED_IN, Contract, Example, problem

SHOP = "the shop sells PEN and INK"
MOMENT = match.regex("2030-11-22T23:30:00Z", regex=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")

MONEY = {"amount": match.int(1161), "currency": match.regex("EUR", regex="^[A-Z]{3}$")}
COUNTED = match.each_like({"id": match.str("pens"), "name": match.str("Pens"), "count": match.int(7)})
IMAGE = {
    "alt": match.str("Fine PEN, seen whole"),
    "variants": match.each_like(
        {"url": match.regex("/pictures/PEN/1-320.svg", regex=r"^/pictures/.+\.svg$"), "width": match.int(320)}
    ),
}
CARD = {
    "sku": match.str("PEN"),
    "name": match.str("Fine PEN"),
    "brand": {"name": match.str("Quill & Co")},
    "image": IMAGE,
    "price": MONEY,
    "list_price": MONEY,
    "stars": {"average": match.number(4.3), "count": match.int(12)},
    "available": match.int(3),
}
PLAIN_CARD = CARD | {"stars": None, "available": None}

PRODUCT = {
    "sku": "PEN",
    "name": match.str("Fine PEN"),
    "description": match.str("It writes."),
    "brand": {"id": match.str("quill"), "name": match.str("Quill & Co")},
    "breadcrumbs": match.each_like({"label": match.str("Pens"), "path": match.regex("/home", regex="^/.*$")}),
    "images": match.each_like(IMAGE),
    "attributes": match.type({}),
    "price": MONEY,
    "list_price": MONEY,
    "discount": {"percent": match.int(10), "description": match.str("Sale")},
    "available": match.int(3),
    "reviews": {
        "rating": {
            "average": match.number(4.3),
            "count": match.int(12),
            "histogram": match.each_value_matches({"4": 12}, rules=match.int(12)),
        },
        "latest": match.each_like(
            {
                "author": match.str("reader"),
                "rating": match.int(4),
                "title": match.str("Good"),
                "text": match.str("It writes."),
                "created_at": MOMENT,
            }
        ),
    },
    "related": match.each_like(CARD),
}
PLAIN_PRODUCT = PRODUCT | {
    "discount": None,
    "available": None,
    "reviews": {"rating": None, "latest": []},
    "related": match.each_like(PLAIN_CARD),
}

RESULTS = {
    "total": match.int(2),
    "items": match.each_like(CARD),
    "facets": {
        "brands": COUNTED,
        "types": COUNTED,
        "prices": match.each_like({"from": match.int(0), "count": match.int(7)}),
    },
}

LINE = {
    "sku": match.str("PEN"),
    "quantity": match.int(2),
    "article": {
        "name": match.str("Fine PEN"),
        "image": IMAGE,
        "price": MONEY,
        "available": match.int(3),
    },
    "total": MONEY,
}
BASKET = {"lines": match.each_like(LINE), "pieces": match.int(3), "total": MONEY}
ORDER = {
    "id": match.str("order-1"),
    "status": match.str("confirmed"),
    "placed_at": MOMENT,
    "lines": match.each_like(
        {
            "sku": match.str("PEN"),
            "name": match.str("Fine PEN"),
            "quantity": match.int(2),
            "unit_price": MONEY,
            "percent_off": match.int(10),
            "total": MONEY,
        }
    ),
    "subtotal": MONEY,
    "discount": MONEY,
    "total": MONEY,
}
ORDERS = match.each_like(
    {
        "id": match.str("order-1"),
        "status": match.str("confirmed"),
        "placed_at": MOMENT,
        "pieces": match.int(2),
        "total": MONEY,
    }
)
ORDERING = CUSTOMER | {"Idempotency-Key": match.regex("an-intent", regex=r"^\S{8,200}$")}


def customer(url: str) -> WebClient:
    return WebClient(url, "a-token")


CONTRACT = Contract(
    client="web",
    version="1.0.0",
    provider="bff-web",
    examples=(
        Example(
            name="the start page",
            given=(SHOP,),
            path="/home",
            answer={"types": COUNTED, "brands": COUNTED, "featured": match.each_like(CARD)},
            read=lambda url: WebClient(url).home(),
        ),
        Example(
            name="the page of an article",
            given=(SHOP,),
            path="/products/PEN",
            answer=PRODUCT,
            read=lambda url: WebClient(url).product("PEN"),
        ),
        Example(
            name="the page of an article of which only the catalogue tells",
            given=(SHOP, "only the catalogue answers"),
            path="/products/PEN",
            answer=PLAIN_PRODUCT,
            read=lambda url: WebClient(url).product("PEN"),
        ),
        Example(
            name="the page of an article that nobody knows",
            path="/products/NIB",
            status=404,
            answer=problem("product-unknown"),
            read=lambda url: WebClient(url).product("NIB"),
        ),
        Example(
            name="the first results of a search",
            given=(SHOP, "there is more to come"),
            path="/search",
            query={"q": "fine", "type": "pens", "sort": "price", "limit": "2"},
            answer=RESULTS | {"next": match.str("a-cursor")},
            read=lambda url: WebClient(url).search(q="fine", type="pens", sort="price", limit="2"),
        ),
        Example(
            name="the last results of a search",
            given=(SHOP,),
            path="/search",
            query={"q": "fine", "cursor": "a-cursor"},
            answer=RESULTS | {"next": None},
            read=lambda url: WebClient(url).search(q="fine", cursor="a-cursor"),
        ),
        Example(
            name="the basket",
            given=(SHOP, LOGGED_IN, "the basket holds PEN and INK"),
            path="/basket",
            headers=CUSTOMER,
            answer=BASKET,
            read=lambda url: customer(url).basket(),
        ),
        Example(
            name="the empty basket",
            given=(LOGGED_IN,),
            path="/basket",
            headers=CUSTOMER,
            answer={"lines": [], "pieces": 0, "total": None},
            read=lambda url: customer(url).basket(),
        ),
        Example(
            name="the basket with articles that are sold no more",
            given=(LOGGED_IN, "the basket holds PEN and INK"),
            path="/basket",
            headers=CUSTOMER,
            answer=BASKET
            | {"lines": match.each_like(LINE | {"article": None, "total": None}), "total": None},
            read=lambda url: customer(url).basket(),
        ),
        Example(
            name="the basket of nobody",
            path="/basket",
            status=401,
            answer=problem("token-missing"),
            read=lambda url: WebClient(url).basket(),
        ),
        Example(
            name="the basket after an article was put in",
            given=(SHOP, LOGGED_IN),
            method="PUT",
            path="/basket/items/PEN",
            headers=CUSTOMER,
            body={"quantity": 3},
            answer=BASKET,
            read=lambda url: customer(url).put("PEN", 3),
        ),
        Example(
            name="the basket after an article was taken out",
            given=(SHOP, LOGGED_IN, "the basket holds PEN and INK"),
            method="DELETE",
            path="/basket/items/PEN",
            headers=CUSTOMER,
            answer=BASKET,
            read=lambda url: customer(url).remove("PEN"),
        ),
        Example(
            name="the order that was just placed",
            given=(LOGGED_IN,),
            method="POST",
            path="/orders",
            headers=ORDERING,
            body={"coupon": "INK20"},
            status=202,
            answer=ORDER,
            read=lambda url: customer(url).order("INK20"),
        ),
        Example(
            name="the order that the stock does not cover",
            given=(LOGGED_IN, "the stock covers no order"),
            method="POST",
            path="/orders",
            headers=ORDERING,
            body={"coupon": "INK20"},
            status=409,
            answer=problem("out-of-stock")
            | {"lines": match.each_like({"sku": match.str("PEN"), "available": match.int(1)})},
            read=lambda url: customer(url).order("INK20"),
        ),
        Example(
            name="the latest orders",
            given=(LOGGED_IN, "the customer has ordered", "there is more to come"),
            path="/orders",
            headers=CUSTOMER,
            answer={"items": ORDERS, "next": match.str("a-cursor")},
            read=lambda url: customer(url).orders(),
        ),
        Example(
            name="all orders",
            given=(LOGGED_IN, "the customer has ordered"),
            path="/orders",
            headers=CUSTOMER,
            answer={"items": ORDERS, "next": None},
            read=lambda url: customer(url).orders(),
        ),
        Example(
            name="one order",
            given=(LOGGED_IN, "the customer has ordered"),
            path="/orders/order-1",
            headers=CUSTOMER,
            answer=ORDER,
            read=lambda url: customer(url).placed("order-1"),
        ),
    ),
)
