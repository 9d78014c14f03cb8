"""Every app of the shop but the gateway, made with settings that work in tests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from bff.agent.app import create_app as bff_agent
from bff.mobile.app import create_app as bff_mobile
from bff.operator.app import create_app as bff_operator
from bff.web.app import create_app as bff_web
from frontispiece.events import EventSettings
from frontispiece.pages import AuthenticatedBffSettings
from frontispiece.settings import Directory, TokenSettings
from services.acquirer.app import AcquirerSettings
from services.acquirer.app import create_app as acquirer
from services.basket.app import BasketSettings
from services.basket.app import create_app as basket
from services.catalog.app import CatalogSettings
from services.catalog.app import create_app as catalog
from services.discount.app import DiscountSettings
from services.discount.app import create_app as discount
from services.feed.app import FeedSettings
from services.feed.app import create_app as feed
from services.identity.app import create_app as identity
from services.inventory.app import InventorySettings
from services.inventory.app import create_app as inventory
from services.notification.app import NotificationSettings
from services.notification.app import create_app as notification
from services.ordering.app import OrderingSettings
from services.ordering.app import create_app as ordering
from services.ordering.settings import ShardDatabases
from services.payment.app import PaymentSettings
from services.payment.app import create_app as payment
from services.pickup.app import PickupSettings
from services.pickup.app import create_app as pickup
from services.recommendation.app import RecommendationSettings
from services.recommendation.app import create_app as recommendation
from services.reviews.app import ReviewsSettings
from services.reviews.app import create_app as reviews
from services.sales.app import SalesSettings
from services.sales.app import create_app as sales
from services.shipping.app import ShippingSettings
from services.shipping.app import create_app as shipping
from tests.services.identity.world import settings as identity_settings
from tests.services.ordering.orders import one_shard
from tests.services.support import CATALOG_ADDRESS
from tests.support.events import NO_BROKER

NOWHERE: Final = "127.0.0.1:1"
"""An address that nobody listens at."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What apps need of a test.

    Args:
        folder: for files.
        tokens: whom the apps believe.
        signing_key: of those that call others.
        database_url: of the service's database; in `folder` unless it is given.
        valkey_url: of a server.
        directory: where a BFF, or ordering, finds its services.
        events: of the broker; away unless they are given.
        second_shard: whether a service with shards has another one, in files.
    """

    folder: Path
    tokens: TokenSettings
    signing_key: str
    database_url: str = ""
    valkey_url: str = f"valkey://{NOWHERE}"
    directory: Directory | None = None
    events: EventSettings = NO_BROKER
    second_shard: bool = False

    @property
    def common(self) -> dict[str, Any]:
        """The settings of every service with a database."""
        url = self.database_url or f"sqlite:///{self.folder}/service.db"
        return {"tokens": self.tokens, "database_url": url}


def _ordering(parts: Parts) -> FastAPI:
    addresses = {name: f"http://{name}.test" for name in ("catalog", "basket", "shipping", "pickup")}
    shards = one_shard(parts.common["database_url"], f"sqlite:///{parts.folder}/read.db")
    if parts.second_shard:
        files = {name: f"sqlite:///{parts.folder}/{name}.db" for name in ("other", "other-read")}
        shards["1"] = ShardDatabases(database_url=files["other"], read_database_url=files["other-read"])
    return ordering(
        OrderingSettings(
            shards=shards,
            signing_key=parts.signing_key,
            directory=parts.directory or Directory(services={**addresses, "discount-grpc": NOWHERE}),
            events=parts.events,
            tokens=parts.tokens,
        )
    )


def _payment(parts: Parts) -> FastAPI:
    directory = Directory(services={"acquirer": f"http://{NOWHERE}"})
    return payment(
        PaymentSettings(
            signing_key=parts.signing_key, directory=directory, events=parts.events, **parts.common
        )
    )


def _basket(parts: Parts) -> FastAPI:
    return basket(
        BasketSettings(
            valkey_url=parts.valkey_url, directory=CATALOG_ADDRESS, tokens=parts.tokens, events=parts.events
        )
    )


def _pickup(parts: Parts) -> FastAPI:
    url = parts.common["database_url"]
    shards = {"0": {"database_url": url}, **_other_shard(parts)}
    return pickup(PickupSettings.model_validate({"shards": shards, "tokens": parts.tokens}))


def _notification(parts: Parts) -> FastAPI:
    files: dict[str, Any] = {"maildir": parts.folder / "mail", "push_log": parts.folder / "pushes"}
    return notification(NotificationSettings(**files, events=parts.events, **parts.common))


def _other_shard(parts: Parts) -> dict[str, Any]:
    """The second shard of a service, in a file, where a test wants one."""
    return {"1": {"database_url": f"sqlite:///{parts.folder}/other.db"}} if parts.second_shard else {}


def _feed(parts: Parts) -> FastAPI:
    return feed(
        FeedSettings.model_validate(
            {
                "shards": {"0": {"database_url": parts.common["database_url"]}, **_other_shard(parts)},
                "signing_key": parts.signing_key,
                "directory": {"services": {**CATALOG_ADDRESS.services, "inventory": f"http://{NOWHERE}"}},
                "tokens": parts.tokens,
                "events": parts.events,
            }
        )
    )


def _of_orders(parts: Parts) -> dict[str, Any]:
    """The settings of what is made of the facts of orders."""
    return {
        "folder": parts.folder / "data",
        "signing_key": parts.signing_key,
        "directory": parts.directory or Directory(services={"ordering": f"http://{NOWHERE}"}),
        "tokens": parts.tokens,
        "events": parts.events,
    }


def _bff_settings(parts: Parts) -> AuthenticatedBffSettings:
    names = (
        "catalog",
        "inventory",
        "reviews",
        "basket",
        "ordering",
        "identity",
        "sales",
        "shipping",
        "recommendation",
        "feed",
        "pickup",
        "discount-grpc",
    )
    directory = parts.directory or Directory(services=dict.fromkeys(names, f"http://{NOWHERE}"))
    return AuthenticatedBffSettings(directory=directory, signing_key=parts.signing_key, tokens=parts.tokens)


APPS: Final[Mapping[str, Callable[[Parts], FastAPI]]] = {
    "acquirer": lambda parts: acquirer(AcquirerSettings(**parts.common)),
    "basket": _basket,
    "bff-agent": lambda parts: bff_agent(_bff_settings(parts)),
    "bff-mobile": lambda parts: bff_mobile(_bff_settings(parts)),
    "bff-operator": lambda parts: bff_operator(_bff_settings(parts)),
    "bff-web": lambda parts: bff_web(_bff_settings(parts)),
    "catalog": lambda parts: catalog(CatalogSettings(seed=True, events=parts.events, **parts.common)),
    "discount": lambda parts: discount(
        DiscountSettings(grpc_listen="127.0.0.1:0", events=parts.events, **parts.common)
    ),
    "feed": _feed,
    "identity": lambda parts: identity(identity_settings(parts.common["database_url"], parts.tokens)),
    "inventory": lambda parts: inventory(InventorySettings(seed=True, events=parts.events, **parts.common)),
    "notification": _notification,
    "ordering": _ordering,
    "payment": _payment,
    "pickup": _pickup,
    "recommendation": lambda parts: recommendation(RecommendationSettings(**_of_orders(parts))),
    "reviews": lambda parts: reviews(ReviewsSettings(directory=CATALOG_ADDRESS, **parts.common)),
    "sales": lambda parts: sales(SalesSettings(**_of_orders(parts))),
    "shipping": lambda parts: shipping(ShippingSettings(events=parts.events, **parts.common)),
}
