"""The processes that the shop can be run as: one a role, each from the same factory in every layout."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final, cast

from kit.asgi import App

SERVICES: Final[Mapping[str, str]] = {
    "identity": "services.identity.app:create_app",
    "catalog": "services.catalog.app:create_app",
    "inventory": "services.inventory.app:create_app",
    "basket": "services.basket.app:create_app",
    "discount": "services.discount.app:create_app",
    "reviews": "services.reviews.app:create_app",
    "ordering": "services.ordering.app:create_app",
}

BFFS: Final[Mapping[str, str]] = {
    "bff-web": "bff.web.app:create_app",
    "bff-mobile": "bff.mobile.app:create_app",
}

GATEWAY: Final = "gateway"

ROLES: Final[Mapping[str, str]] = {**SERVICES, **BFFS, GATEWAY: "gateway.app:create_app"}
"""Factories by role, as `module:function`: imported only when the role is."""


def create(role: str) -> App:
    """The app of a role, set up by the environment."""
    module, _, factory = ROLES[role].partition(":")
    return cast(App, getattr(import_module(module), factory)())
