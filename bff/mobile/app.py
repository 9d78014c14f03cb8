"""The mobile client's backend."""

from bff.clients import CLIENTS
from bff.mobile.screens import basket, checkout, config, home, orders, product, search, sync
from bff.shared.news import feed_pages
from frontispiece.pages import bff

create_app = bff(
    "bff-mobile",
    description="What a phone's screen shows and nothing more, in one call.",
    pages=[
        config.page,
        home.page,
        home.news,
        product.page,
        search.page,
        sync.page,
        *basket.pages,
        *checkout.pages,
        *orders.pages,
        *feed_pages(deadline=1.5),
    ],
    clients=CLIENTS,
)
