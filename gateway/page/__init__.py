"""Aggregation: a page is a graph of typed async functions, whose parameter names are its edges."""

from gateway.page.app import PageApp, create_app
from gateway.page.attempts import Hedge, Retry
from gateway.page.cache import Cache
from gateway.page.declare import Body, Page
from gateway.page.gathering import gather
from gateway.page.inbound import Inbound, Provider
from gateway.page.loading import Loader, loader
from gateway.page.shared_cache import SharedStore

__all__ = [
    "Body",
    "Cache",
    "Hedge",
    "Inbound",
    "Loader",
    "Page",
    "PageApp",
    "Provider",
    "Retry",
    "SharedStore",
    "create_app",
    "gather",
    "loader",
]
