"""What the mobile client, version 1.0.0, relies on, here with a phone that is set to German."""

from pact import match

from tests.contracts.mobile.client import MobileClient
from tests.support.contracts import CUSTOMER, LOGGED_IN, Contract, Example, problem

SHOP = "the shop sells PEN and INK"
GERMAN = {"Accept-Language": "de-DE"}
DISPLAY = {"dpr": "3"}

PRICE = match.regex("11,61\N{NO-BREAK SPACE}€", regex=r"^\d{1,3}(\.\d{3})*,\d{2}\s€$")
DATE = match.regex("22.11.2030", regex=r"^\d{2}\.\d{2}\.\d{4}$")
PICTURE = match.regex("/pictures/PEN/1-640.svg", regex=r"^/pictures/.+\.svg$")
BADGES = match.each_like(match.str("Nur noch 3"))
STARS = {"average": match.number(4.3), "count": match.int(12)}

COMPANION = {
    "sku": match.str("INK"),
    "name": match.str("Fine INK"),
    "price": PRICE,
    "image": PICTURE,
}
TILE = COMPANION | {"was": PRICE, "badges": BADGES, "stars": STARS}

PLAIN_PRODUCT = {
    "sku": "PEN",
    "name": match.str("Fine PEN"),
    "brand": match.str("Quill & Co"),
    "price": PRICE,
    "image": PICTURE,
    "description": match.str("It writes."),
    "related": match.each_like(COMPANION),
}
PRODUCT = PLAIN_PRODUCT | {
    "was": PRICE,
    "badges": BADGES,
    "stars": STARS,
    "review": {"rating": match.int(4), "title": match.str("Good"), "text": match.str("It writes.")},
}

RESULTS = {"total": match.int(2), "tiles": match.each_like(TILE)}

SOLD_NO_MORE = {"sku": match.str("PEN"), "quantity": match.int(2)}
LINE = SOLD_NO_MORE | {"name": match.str("Fine PEN"), "image": PICTURE, "total": PRICE, "badges": BADGES}
BASKET = {"lines": match.each_like(LINE), "total": PRICE}

ORDER = {
    "id": match.str("order-1"),
    "status": match.str("confirmed"),
    "date": DATE,
    "lines": match.each_like(
        {
            "sku": match.str("PEN"),
            "name": match.str("Fine PEN"),
            "quantity": match.int(2),
            "total": PRICE,
        }
    ),
    "total": PRICE,
    "saved": PRICE,
}
ORDERS = match.each_like(
    {
        "id": match.str("order-1"),
        "status": match.str("confirmed"),
        "date": DATE,
        "pieces": match.int(2),
        "total": PRICE,
    }
)
MINE = GERMAN | CUSTOMER
ORDERING = MINE | {"Idempotency-Key": match.regex("an-intent", regex=r"^\S{8,200}$")}


def customer(url: str) -> MobileClient:
    return MobileClient(url, "a-token")


CONTRACT = Contract(
    client="mobile",
    version="1.0.0",
    provider="bff-mobile",
    examples=(
        Example(
            name="the start screen",
            given=(SHOP,),
            path="/home",
            query=DISPLAY,
            headers=GERMAN,
            answer={
                "tiles": match.each_like(TILE),
                "types": match.each_like({"id": match.str("pens"), "name": match.str("Pens")}),
            },
            read=lambda url: MobileClient(url).home(),
        ),
        Example(
            name="the start screen of a shop of which only the catalogue tells",
            given=(SHOP, "only the catalogue answers"),
            path="/home",
            query=DISPLAY,
            headers=GERMAN,
            answer={"tiles": match.each_like(COMPANION)},
            read=lambda url: MobileClient(url).home(),
        ),
        Example(
            name="the screen of an article",
            given=(SHOP,),
            path="/products/PEN",
            query=DISPLAY,
            headers=GERMAN,
            answer=PRODUCT,
            read=lambda url: MobileClient(url).product("PEN"),
        ),
        Example(
            name="the screen of an article of which only the catalogue tells",
            given=(SHOP, "only the catalogue answers"),
            path="/products/PEN",
            query=DISPLAY,
            headers=GERMAN,
            answer=PLAIN_PRODUCT,
            read=lambda url: MobileClient(url).product("PEN"),
        ),
        Example(
            name="the screen of an article that nobody knows",
            path="/products/NIB",
            query=DISPLAY,
            headers=GERMAN,
            status=404,
            answer=problem("product-unknown"),
            read=lambda url: MobileClient(url).product("NIB"),
        ),
        Example(
            name="the first results of a search",
            given=(SHOP, "there is more to come"),
            path="/search",
            query={"q": "fine", "facets": "true", **DISPLAY},
            headers=GERMAN,
            answer=RESULTS
            | {
                "next": match.str("a-cursor"),
                "types": match.each_like(
                    {"id": match.str("pens"), "name": match.str("Pens"), "count": match.int(7)}
                ),
            },
            read=lambda url: MobileClient(url).search(q="fine", facets="true"),
        ),
        Example(
            name="the last results of a search",
            given=(SHOP,),
            path="/search",
            query={"q": "fine", "cursor": "a-cursor", **DISPLAY},
            headers=GERMAN,
            answer=RESULTS,
            read=lambda url: MobileClient(url).search(q="fine", cursor="a-cursor"),
        ),
        Example(
            name="the basket",
            given=(SHOP, LOGGED_IN, "the basket holds PEN and INK"),
            path="/basket",
            query=DISPLAY,
            headers=MINE,
            answer=BASKET,
            read=lambda url: customer(url).basket(),
        ),
        Example(
            name="the empty basket",
            given=(LOGGED_IN,),
            path="/basket",
            query=DISPLAY,
            headers=MINE,
            answer={"lines": []},
            read=lambda url: customer(url).basket(),
        ),
        Example(
            name="the basket with articles that are sold no more",
            given=(LOGGED_IN, "the basket holds PEN and INK"),
            path="/basket",
            query=DISPLAY,
            headers=MINE,
            answer={"lines": match.each_like(SOLD_NO_MORE)},
            read=lambda url: customer(url).basket(),
        ),
        Example(
            name="the basket of nobody",
            path="/basket",
            query=DISPLAY,
            headers=GERMAN,
            status=401,
            answer=problem("token-missing"),
            read=lambda url: MobileClient(url).basket(),
        ),
        Example(
            name="the basket after an article was put in",
            given=(SHOP, LOGGED_IN),
            method="PUT",
            path="/basket/items/PEN",
            query=DISPLAY,
            headers=MINE,
            body={"quantity": 3},
            answer=BASKET,
            read=lambda url: customer(url).put("PEN", 3),
        ),
        Example(
            name="the basket after an article was taken out",
            given=(SHOP, LOGGED_IN, "the basket holds PEN and INK"),
            method="DELETE",
            path="/basket/items/PEN",
            query=DISPLAY,
            headers=MINE,
            answer=BASKET,
            read=lambda url: customer(url).remove("PEN"),
        ),
        Example(
            name="the order that was just placed",
            given=(LOGGED_IN,),
            method="POST",
            path="/orders",
            headers=ORDERING,
            body={},
            status=202,
            answer=ORDER,
            read=lambda url: customer(url).order(),
        ),
        Example(
            name="the order that the stock does not cover",
            given=(LOGGED_IN, "the stock covers no order"),
            method="POST",
            path="/orders",
            headers=ORDERING,
            body={},
            status=409,
            answer=problem("out-of-stock")
            | {"lines": match.each_like({"sku": match.str("PEN"), "available": match.int(1)})},
            read=lambda url: customer(url).order(),
        ),
        Example(
            name="the latest orders",
            given=(LOGGED_IN, "the customer has ordered", "there is more to come"),
            path="/orders",
            headers=MINE,
            answer={"items": ORDERS, "next": match.str("a-cursor")},
            read=lambda url: customer(url).orders(),
        ),
        Example(
            name="all orders",
            given=(LOGGED_IN, "the customer has ordered"),
            path="/orders",
            headers=MINE,
            answer={"items": ORDERS},
            read=lambda url: customer(url).orders(),
        ),
        Example(
            name="one order",
            given=(LOGGED_IN, "the customer has ordered"),
            path="/orders/order-1",
            headers=MINE,
            answer=ORDER,
            read=lambda url: customer(url).placed("order-1"),
        ),
    ),
)
