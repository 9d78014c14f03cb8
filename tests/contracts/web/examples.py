"""What the web client relies on: the calls of its API module, and what that reads of the answers."""

from pact import match

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
    SHOP,
)
from tests.contracts.web.parts import (
    BASKET,
    CARD,
    CHANGED_BASKET,
    CHANGES,
    COUNTED,
    DRAFT,
    DRAFT_LINE,
    LINE,
    NEWS,
    NO_NEWS,
    ORDER,
    PICKED_UP,
    PLAIN_PRODUCT,
    PRODUCT,
    PROGRESS,
    RESULTS,
    STORE,
    SUMMARY,
    TRACKED,
)
from tests.support.consumer import Client
from tests.support.contracts import LOGGED_IN, Contract, Exactly, ServerEvent, operation, problem, requests

CLIENT = Client(module="clients/web/api.js", name="WebApi", prefix="/web", has_session=True)

home = requests("GET /home", "home")
product = requests("GET /products/PEN", "product", "PEN")
follow = requests("PUT /brands/quill/follow", "follow", "quill")
unfollow = requests("DELETE /brands/quill/follow", "unfollow", "quill")
older_news = requests("GET /feed", "olderNews", "0", query={"cursor": "0"})
mark_read = requests("PUT /feed/read", "markRead", "2", body={"up_to": "2"})
unknown_product = requests("GET /products/NIB", "product", "NIB")
search = requests("GET /search", "search")
basket = requests("GET /basket", "basket")
put_item = requests("PUT /basket/items/PEN", "putItem", "PEN", 3, body={"quantity": 3})
remove_item = requests("DELETE /basket/items/PEN", "removeItem", "PEN")
checkout_draft = requests("POST /checkout/draft", "checkoutDraft")
place_order = requests("POST /checkout", "placeOrder", "an-intent", headers=ORDERING)
cancel_order = requests("POST /orders/order-1/cancel", "cancelOrder", "order-1")
orders = requests("GET /graphql", "orders", query=operation("OrderList"))
order = requests("GET /orders/order-1", "order", "order-1")
order_progress = requests(
    "GET /graphql", "orderProgress", "order-1", query=operation("OrderProgress", id="order-1")
)
order_stages = requests(
    "GET /graphql",
    "orderStages",
    "order-1",
    query=operation("OrderStages", id="order-1"),
    headers={"Accept": "text/event-stream"},
)

CONTRACT = Contract(
    client="web",
    version="1.1.0",
    provider="bff-web",
    headers={"X-Client": "web/1.1.0"},
    examples=(
        home(
            "the start page",
            {"types": COUNTED, "brands": COUNTED, "featured": [CARD], "total": 2, "feed": NO_NEWS},
            SHOP,
        ),
        home(
            "the start page of a customer who follows a maker",
            {
                "types": COUNTED,
                "brands": COUNTED,
                "featured": [CARD],
                "total": 2,
                "feed": {
                    "items": [NEWS],
                    "follows": ["quill"],
                    "unread": 1,
                    "newest": "2",
                    "next": match.str("6"),
                },
            },
            SHOP,
            *FOLLOWING,
            OLDER_NEWS,
        ),
        product(
            "the page of an article of a maker whom the customer follows",
            PRODUCT | {"following": match.bool(True)},
            SHOP,
            *FOLLOWING,
        ),
        product("the page of an article", PRODUCT, SHOP),
        product(
            "the page of an article of which only the catalogue tells",
            PLAIN_PRODUCT,
            SHOP,
            "only the catalogue answers",
        ),
        follow("a maker whom the customer follows from now on", {"following": match.bool(True)}, LOGGED_IN),
        unfollow("a maker whom the customer follows no more", {"following": match.bool(False)}, *FOLLOWING),
        older_news(
            "older news of a maker whom the customer follows",
            {"items": [NEWS], "follows": ["quill"], "unread": 1, "newest": "2", "next": None},
            SHOP,
            *FOLLOWING,
        ),
        mark_read("news that the customer has read", {"unread": 0}, *FOLLOWING),
        unknown_product("the page of an article that nobody knows", problem("product-unknown"), status=404),
        search(
            "the first results of a search",
            RESULTS | {"next": "a-cursor"},
            SHOP,
            "there is more to come",
            query={"q": "fine", "type": "pens", "sort": "price", "limit": "2"},
            arguments=({"q": "fine", "type": ["pens"], "sort": "price", "limit": 2},),
        ),
        search(
            "the last results of a search",
            RESULTS | {"next": None},
            SHOP,
            query={"q": "fine", "cursor": "a-cursor"},
            arguments=({"q": "fine", "cursor": "a-cursor"},),
        ),
        basket("the basket", BASKET, *FILLED_BASKET),
        basket(
            "the basket of prices that have changed, and of a piece that a checkout gave back",
            CHANGED_BASKET,
            *FILLED_BASKET,
            CHANGED,
            GIVEN_BACK,
        ),
        basket(
            "the empty basket", {"lines": [], "pieces": Exactly(0), "total": None, "waiting": []}, LOGGED_IN
        ),
        basket(
            "the basket with articles that are sold no more",
            BASKET | {"lines": [LINE | {"article": None, "total": None}], "total": None},
            LOGGED_IN,
            FILLED,
        ),
        basket("the basket of nobody", problem("token-missing"), status=401),
        put_item(
            "the basket after an article was put in", CHANGED_BASKET, SHOP, LOGGED_IN, CHANGED, GIVEN_BACK
        ),
        remove_item(
            "the basket after an article was taken out", CHANGED_BASKET, *FILLED_BASKET, CHANGED, GIVEN_BACK
        ),
        checkout_draft("the checkout", DRAFT, *DELIVERABLE, sent={"coupon": "INK20", "country": "DE"}),
        checkout_draft(
            "the checkout of prices that have changed",
            DRAFT | {"lines": [DRAFT_LINE | {"price_when_added": MONEY}], "coupon": None, "obstacles": []},
            *FILLED_BASKET,
            CHANGED,
            "parcels go to Germany",
            sent={"country": "DE"},
        ),
        checkout_draft(
            "the checkout to a country that is not served",
            problem("country-not-served"),
            *FILLED_BASKET,
            "parcels go nowhere",
            status=422,
            sent={"country": "AQ"},
        ),
        checkout_draft(
            "the checkout with stores near a place",
            DRAFT
            | {
                "coupon": None,
                "pickup": {"place": "Leipzig", "known": match.bool(True), "options": [STORE]},
                "obstacles": [],
            },
            *DELIVERABLE,
            "there is a store near Leipzig",
            sent={"country": "DE", "near": {"place": "Leipzig"}},
        ),
        checkout_draft(
            "the checkout with stores near a place that nobody knows",
            DRAFT
            | {
                "coupon": None,
                "pickup": {"place": None, "known": match.bool(False), "options": []},
                "obstacles": [],
            },
            *DELIVERABLE,
            sent={"country": "DE", "near": {"place": "nowhere"}},
        ),
        place_order(
            "the order that was just placed",
            ORDER,
            LOGGED_IN,
            status=202,
            sent=CHECKOUT | {"coupon": "INK20"},
        ),
        place_order(
            "the order whose total has changed",
            problem("total-changed") | {"total": MONEY},
            LOGGED_IN,
            "prices have changed",
            status=409,
            sent=CHECKOUT,
        ),
        cancel_order(
            "the order that is cancelled", ORDER | {"reason": "cancelled-by-customer"}, LOGGED_IN, status=202
        ),
        orders(
            "the latest orders",
            {"data": {"orders": {"items": [SUMMARY | {"parcel": "dispatched"}], "next": "a-cursor"}}},
            LOGGED_IN,
            ORDERED,
            "there is more to come",
        ),
        orders(
            "the last orders, and one of them cancelled",
            {"data": {"orders": {"items": [SUMMARY | {"reason": "cancelled-by-customer"}], "next": None}}},
            LOGGED_IN,
            CANCELLED,
            query=operation("OrderList", cursor="a-cursor"),
            arguments=("a-cursor",),
        ),
        order("one order", TRACKED, LOGGED_IN, ORDERED),
        order("one order that is picked up", PICKED_UP, LOGGED_IN, "the customer picks the order up"),
        order(
            "one order that is cancelled",
            TRACKED | {"coupon": "INK20", "reason": "cancelled-by-customer"},
            LOGGED_IN,
            CANCELLED,
        ),
        order_progress("what changes of an order", {"data": {"order": CHANGES}}, LOGGED_IN, ORDERED),
        order_stages(
            "the stages that an order comes to",
            ServerEvent({"data": {"orderProgress": PROGRESS}}, name="next"),
            LOGGED_IN,
        ),
    ),
)
