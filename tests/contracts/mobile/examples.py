"""What the mobile client relies on: the calls of its API module, and what that reads. The phone is German."""

from pact import match

from tests.contracts.mobile.parts import (
    BASKET,
    CHANGED_BASKET,
    DELIVERY,
    DISPLAY,
    DRAFT,
    DRAFT_LINE,
    ENTRY,
    NEWS,
    ORDER,
    PARCEL,
    PICKED_UP,
    PICKING_UP,
    PICKUP,
    PLAIN_DRAFT,
    PLAIN_PRODUCT,
    PLAIN_TILE,
    PRICE,
    PRODUCT,
    PROGRESS,
    RESULTS,
    SOLD_NO_MORE,
    STORE,
    TILE,
    TRACKED,
    VERSION,
)
from tests.contracts.parts import (
    CANCELLED,
    CHANGED,
    CHECKOUT,
    DELIVERABLE,
    FILLED,
    FILLED_BASKET,
    FOLLOWING,
    GIVEN_BACK,
    MONEY,
    OLDER_NEWS,
    ORDERED,
    ORDERING,
    READING,
    SHOP,
    WRITTEN,
)
from tests.support.consumer import Client
from tests.support.contracts import LOGGED_IN, Contract, ServerEvent, problem, requests

CLIENT = Client(
    module="clients/mobile/api.js",
    name="MobileApi",
    prefix="/mobile",
    options={"dpr": 3, "language": "de-DE"},
)

home = requests("GET /home", "home", query=DISPLAY)
product = requests("GET /products/PEN", "product", "PEN", query=DISPLAY)
follow = requests("PUT /brands/quill/follow", "follow", "quill")
unfollow = requests("DELETE /brands/quill/follow", "unfollow", "quill")
older_news = requests("GET /feed", "olderNews", "0", query=DISPLAY | {"cursor": "0"})
mark_read = requests("PUT /feed/read", "markRead", "2", body={"up_to": "2"})
unknown_product = requests("GET /products/NIB", "product", "NIB", query=DISPLAY)
search = requests("GET /search", "search")
sync = requests("GET /sync", "sync")
basket = requests("GET /basket", "basket", query=DISPLAY)
config = requests("GET /config", "config")
put_item = requests(
    "PUT /basket/items/PEN",
    "putItem",
    "PEN",
    3,
    "an-intent",
    query=DISPLAY,
    headers=ORDERING,
    body={"quantity": 3},
)
remove_item = requests(
    "DELETE /basket/items/PEN", "removeItem", "PEN", "an-intent", query=DISPLAY, headers=ORDERING
)
checkout_draft = requests("POST /checkout/draft", "checkoutDraft", query=DISPLAY)
place_order = requests("POST /checkout", "placeOrder", "an-intent", headers=ORDERING)
cancel_order = requests(
    "POST /orders/order-1/cancel", "cancelOrder", "order-1", status=202, answer_headers=WRITTEN
)
orders = requests("GET /orders", "orders")
order = requests("GET /orders/order-1", "order", "order-1")
order_events = requests(
    "GET /orders/order-1/events", "orderEvents", "order-1", headers={"Accept": "text/event-stream"}
)

CONTRACT = Contract(
    client="mobile",
    version="1.1.0",
    provider="bff-mobile",
    headers={"X-Client": "mobile/1.1.0", "Accept-Language": "de-DE"},
    customer={
        "Authorization": match.regex("DPoP a-token", regex=r"^DPoP \S+$"),
        "DPoP": match.regex("a-proof", regex=r"^\S+$"),
    },
    examples=(
        home("the start screen", {"tiles": [TILE], "types": [{"id": "pens", "name": "Pens"}]}, SHOP),
        home(
            "the start screen of a customer who follows a maker",
            {
                "tiles": [TILE],
                "types": [{"id": "pens", "name": "Pens"}],
                "news": [NEWS],
                "unread": 1,
                "newest": "2",
                "next_news": match.str("6"),
            },
            SHOP,
            *FOLLOWING,
            OLDER_NEWS,
        ),
        home(
            "the start screen of a shop of which only the catalogue tells",
            {"tiles": [PLAIN_TILE]},
            SHOP,
            "only the catalogue answers",
        ),
        product(
            "the screen of an article of a maker whom the customer follows",
            PRODUCT | {"following": match.bool(True)},
            SHOP,
            *FOLLOWING,
        ),
        product("the screen of an article", PRODUCT, SHOP),
        product(
            "the screen of an article of which only the catalogue tells",
            PLAIN_PRODUCT,
            SHOP,
            "only the catalogue answers",
        ),
        follow("a maker whom the customer follows from now on", {"following": match.bool(True)}, LOGGED_IN),
        unfollow("a maker whom the customer follows no more", {"following": match.bool(False)}, *FOLLOWING),
        older_news(
            "older news of a maker whom the customer follows",
            {"news": [NEWS], "next": match.str("6")},
            SHOP,
            *FOLLOWING,
            OLDER_NEWS,
        ),
        mark_read("news that the customer has read", {"unread": 0}, *FOLLOWING),
        unknown_product("the screen of an article that nobody knows", problem("product-unknown"), status=404),
        search(
            "the first results of a search",
            RESULTS | {"next": "a-cursor", "types": [{"id": "pens", "name": "Pens", "count": 7}]},
            SHOP,
            "there is more to come",
            query={"q": "fine", "facets": "true", **DISPLAY},
            arguments=({"q": "fine", "facets": True},),
        ),
        search(
            "the last results of a search",
            RESULTS,
            SHOP,
            query={"q": "fine", "cursor": "a-cursor", **DISPLAY},
            arguments=({"q": "fine", "cursor": "a-cursor"},),
        ),
        sync(
            "the whole catalogue, for the time without a network",
            {"cursor": "a-cursor", "products": {"upserts": [TILE], "deleted": []}, "more": match.bool(False)},
            SHOP,
            query=DISPLAY,
            arguments=(None,),
        ),
        sync(
            "what has changed in the catalogue",
            {
                "cursor": "a-cursor",
                "products": {"upserts": [TILE], "deleted": ["CAP"]},
                "more": match.bool(False),
            },
            SHOP,
            "CAP is sold no more",
            query={"cursor": "a-cursor", **DISPLAY},
            arguments=("a-cursor",),
        ),
        sync(
            "what has changed since a cursor of another catalogue",
            problem("cursor-expired"),
            "the cursor is from another catalogue",
            query={"cursor": "a-cursor", **DISPLAY},
            status=410,
            arguments=("a-cursor",),
        ),
        basket("the basket", BASKET, *FILLED_BASKET),
        basket(
            "the basket of prices that have changed, and of a piece that a checkout gave back",
            CHANGED_BASKET,
            *FILLED_BASKET,
            CHANGED,
            GIVEN_BACK,
        ),
        basket("the empty basket", {"lines": []}, LOGGED_IN),
        basket(
            "the basket with articles that are sold no more", {"lines": [SOLD_NO_MORE]}, LOGGED_IN, FILLED
        ),
        basket("the basket of nobody", problem("token-missing"), status=401),
        config(
            "what the app asks at its start",
            {"minimum_version": VERSION, "latest_version": VERSION, "flags": match.type({})},
        ),
        put_item(
            "the basket after an article was put in", CHANGED_BASKET, SHOP, LOGGED_IN, CHANGED, GIVEN_BACK
        ),
        remove_item(
            "the basket after an article was taken out", CHANGED_BASKET, *FILLED_BASKET, CHANGED, GIVEN_BACK
        ),
        checkout_draft("the checkout", DRAFT, *DELIVERABLE, sent={"coupon": "INK20", "country": "DE"}),
        checkout_draft(
            "the checkout of prices that have changed, and of more pieces than there are",
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
            sent={"country": "DE"},
        ),
        checkout_draft(
            "the checkout with stores near a place",
            PLAIN_DRAFT | {"pickup": {"place": "Leipzig", "options": [STORE]}},
            *DELIVERABLE,
            "there is a store near Leipzig",
            sent={"country": "DE", "near": {"place": "Leipzig"}},
        ),
        checkout_draft(
            "the checkout with stores near a place that nobody knows",
            PLAIN_DRAFT | {"pickup": {"unknown": match.bool(True)}},
            *DELIVERABLE,
            sent={"country": "DE", "near": {"place": "nowhere"}},
        ),
        place_order(
            "the order that was just placed",
            ORDER,
            LOGGED_IN,
            status=202,
            answer_headers=WRITTEN,
            sent=CHECKOUT,
        ),
        place_order(
            "the order that was placed before, and cancelled",
            ORDER | {"reason": "cancelled-by-customer"},
            LOGGED_IN,
            "the order was placed before, and cancelled",
            status=202,
            answer_headers=WRITTEN,
            sent=CHECKOUT,
        ),
        place_order(
            "the order whose total has changed",
            problem("total-changed") | {"total": MONEY},
            LOGGED_IN,
            "prices have changed",
            status=409,
            sent=CHECKOUT,
        ),
        place_order(
            "the order that was just placed for pickup",
            ORDER | {"shipping": PARCEL | {"pickup": PICKUP}},
            LOGGED_IN,
            "the customer picks the order up",
            status=202,
            answer_headers=WRITTEN,
            sent=PICKING_UP,
        ),
        cancel_order("the order that is cancelled", ORDER | {"reason": "cancelled-by-customer"}, LOGGED_IN),
        cancel_order(
            "the order to be picked up that is cancelled",
            ORDER | {"shipping": PARCEL | {"pickup": PICKUP}},
            LOGGED_IN,
            "the customer picks the order up",
        ),
        orders(
            "the latest orders",
            {"items": [ENTRY | {"parcel": "dispatched"}], "next": "a-cursor"},
            LOGGED_IN,
            ORDERED,
            "there is more to come",
        ),
        orders(
            "all orders, and one of them cancelled",
            {"items": [ENTRY | {"reason": "cancelled-by-customer"}]},
            LOGGED_IN,
            CANCELLED,
        ),
        order(
            "one order",
            TRACKED,
            LOGGED_IN,
            ORDERED,
            query=READING,
            arguments=("order-1", {"minPosition": "41"}),
        ),
        order("one order that is picked up", PICKED_UP, LOGGED_IN, "the customer picks the order up"),
        order(
            "one order that is cancelled", TRACKED | {"reason": "cancelled-by-customer"}, LOGGED_IN, CANCELLED
        ),
        order_events("the stages that an order comes to", ServerEvent(PROGRESS), LOGGED_IN),
    ),
)
