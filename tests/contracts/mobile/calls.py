"""The calls of the mobile client's API module."""

from tests.contracts.mobile.parts import DISPLAY
from tests.contracts.parts import ORDERING, WRITTEN
from tests.support.consumer import Client
from tests.support.contracts import requests

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
