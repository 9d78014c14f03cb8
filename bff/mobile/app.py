"""The mobile client's backend."""

from fastapi import FastAPI

import bff.app
from bff.app import BffSettings
from bff.mobile.screens import basket, home, orders, product, search


def create_app(settings: BffSettings | None = None) -> FastAPI:
    """The mobile BFF: lean screens."""
    return bff.app.create_app(
        title="bff-mobile",
        description="What a phone's screen shows and nothing more, in one call.",
        pages=[home.page, product.page, search.page, *basket.pages, *orders.pages],
        settings=settings or BffSettings(),
    )
