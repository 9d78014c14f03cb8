"""The gateway's wiring: what the settings say, made into the edge."""

import logging
from functools import partial

from gateway import table
from gateway.access import AccessLog
from gateway.edge import Gateway
from gateway.head import HeadLimits
from gateway.load import Load
from gateway.oidc import Provider
from gateway.reload import WatchedFile
from gateway.settings import GatewaySettings, faults_between
from kit.faults import Faulty
from kit.tokens import Signer

__all__ = ["Gateway", "GatewaySettings", "create_app"]

log = logging.getLogger(__name__)


def create_app(settings: GatewaySettings | None = None) -> Gateway:
    """The gateway with the route table that the settings name.

    Raises:
        Faulty: the settings or the table cannot serve, or not together.
    """
    settings = settings or GatewaySettings()
    file = WatchedFile(settings.routes) if settings.watch else None
    load = partial(_table, settings)
    routes = load()
    gateway = Gateway(
        routes,
        settings.directory,
        signer=Signer(settings.signing_key, "gateway"),
        provider=_provider(settings),
        session=settings.session,
        caching=settings.cache,
        explains=settings.explain,
        access_log=AccessLog.of(settings.access, settings.signing_key.encode()),
        valkey_url=settings.valkey_url,
        load=_load(routes, settings),
        head=HeadLimits(fields=settings.max_header_fields, size=settings.max_header_bytes),
    )
    gateway.read_anew(load, file)
    return gateway


def _table(settings: GatewaySettings) -> table.Table:
    """The table, if these settings can serve it."""
    routes = table.load(settings.routes)
    if faults := list(faults_between(routes, settings)):
        raise Faulty(faults)
    return routes


def _load(routes: table.Table, settings: GatewaySettings) -> Load | None:
    if settings.most_calls or settings.most_lag:
        return Load(settings.most_calls, settings.most_lag)
    if any("priority" in route.model_fields_set for route in routes.routes):
        log.warning("the table has priorities, but neither GATEWAY_MOST_CALLS nor GATEWAY_MOST_LAG is set")
    return None


def _provider(settings: GatewaySettings) -> Provider | None:
    if not settings.issuer.is_on:
        return None
    session = settings.session
    return Provider(settings.issuer, client_id=session.client_id, client_secret=session.client_secret)
