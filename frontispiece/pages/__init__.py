"""Aggregation: a page is a graph of typed async functions, whose parameter names are its edges.

Stability: stable.
"""

from frontispiece.pages.api import Api, ApiEndpoint, ApiParts
from frontispiece.pages.app import PageApp, create_app
from frontispiece.pages.backend import Bff, Connector, ServiceType, bff
from frontispiece.pages.dataloader import loader
from frontispiece.pages.gather import gather
from frontispiece.pages.page import Body, Header, Page, Query, Task, TaskState, Tool
from frontispiece.pages.request import PageRequest, Provider
from frontispiece.pages.result_cache import Cache
from frontispiece.pages.retry import Hedge, Retry
from frontispiece.pages.settings import AuthenticatedBffSettings, BffSettings
from frontispiece.pages.source_run import mark_degraded, set_response_header
from frontispiece.pages.usage import Budget

__all__ = [
    "Api",
    "ApiEndpoint",
    "ApiParts",
    "AuthenticatedBffSettings",
    "Bff",
    "BffSettings",
    "Body",
    "Budget",
    "Cache",
    "Connector",
    "Header",
    "Hedge",
    "Page",
    "PageApp",
    "PageRequest",
    "Provider",
    "Query",
    "Retry",
    "ServiceType",
    "Task",
    "TaskState",
    "Tool",
    "bff",
    "create_app",
    "gather",
    "loader",
    "mark_degraded",
    "set_response_header",
]
