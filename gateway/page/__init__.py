"""Aggregation: a page is a graph of typed async functions, whose parameter names are its edges."""

from gateway.page.app import create_app
from gateway.page.declare import Body, Page
from gateway.page.inbound import Inbound, Provider

__all__ = ["Body", "Inbound", "Page", "Provider", "create_app"]
