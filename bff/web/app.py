"""The web client's backend."""

from fastapi import FastAPI

import bff.app
from bff.app import BffSettings
from bff.web.pages import basket, home, orders, product, search


def create_app(settings: BffSettings | None = None) -> FastAPI:
    """The web BFF: rich pages."""
    return bff.app.create_app(
        title="bff-web",
        description="Everything that a desktop page shows, in one call.",
        pages=[home.page, product.page, search.page, *basket.pages, *orders.pages],
        settings=settings or BffSettings(),
    )
