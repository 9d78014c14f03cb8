"""The web client's backend."""

from bff.clients import CLIENTS
from bff.shared.news import feed_pages
from bff.web.graphql import graph
from bff.web.pages import basket, checkout, home, orders, product, search
from frontispiece.pages import bff

create_app = bff(
    "bff-web",
    description="Everything that a desktop page shows, in one call.",
    pages=[
        home.page,
        home.news,
        product.page,
        search.page,
        *basket.pages,
        *checkout.pages,
        *orders.pages,
        *feed_pages(deadline=2.0),
    ],
    clients=CLIENTS,
    apis=[graph],
)
