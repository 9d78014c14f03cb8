"""The gateway's wiring, from settings to the app."""

import logging
import os
from functools import partial

from frontispiece.errors import ConfigError
from frontispiece.events import EventSettings
from frontispiece.gateway import own_layers
from frontispiece.gateway.auth.oidc import Provider, Subjects
from frontispiece.gateway.config import table
from frontispiece.gateway.console.panels import broker_panel
from frontispiece.gateway.edge import Gateway
from frontispiece.gateway.observability.access_log import OFF, AccessLog
from frontispiece.gateway.own_layers import OwnLayers
from frontispiece.gateway.pipeline import POLICIES
from frontispiece.gateway.policies.load_shedding import OverloadMonitor
from frontispiece.gateway.reload import WatchedFile
from frontispiece.gateway.request_limits import HeaderLimits
from frontispiece.gateway.resources import upstream_errors
from frontispiece.gateway.runtime import Runtime
from frontispiece.gateway.settings import GatewaySettings, errors_between, unknown_variables
from frontispiece.security import GUEST_PREFIX, Signer
from frontispiece.settings import value_of

__all__ = ["Gateway", "GatewaySettings", "create_app"]

log = logging.getLogger(__name__)


def create_app(settings: GatewaySettings | None = None) -> Gateway:
    """The gateway with the route table that the settings name.

    Raises:
        ConfigError: the settings or the table cannot serve, or not together.
    """
    settings = settings or GatewaySettings()
    for unknown in unknown_variables(os.environ):
        log.warning(unknown)
    file = WatchedFile(settings.routes) if settings.watch else None
    layers = _layers(settings)
    routes = table.load(settings.routes, own_layers.models(layers))
    runtime = Runtime(
        settings.directory,
        signer=Signer(settings.signing_key, "gateway") if settings.signing_key else None,
        provider=_provider(settings),
        further_issuers={
            name: Provider(issuer, subjects=Subjects(f"{name}:")) for name, issuer in settings.issuers.items()
        },
        origins=settings.own_origins,
        session=settings.session,
        cache=settings.cache,
        valkey_url=settings.valkey_url,
        overload=_overload(routes, settings),
        access_log=_access_log(settings),
        expose_timeline=settings.expose_timeline,
        docs=settings.docs,
        own_layers=layers,
        known_clients=settings.known_clients,
        traces_per_second=settings.traces_per_second,
        data_plane=settings.native_grpc.data_plane,
    )
    if errors := errors_between(routes, settings):
        raise ConfigError([*errors, *upstream_errors(routes, runtime)])
    limits = HeaderLimits(fields=settings.max_header_fields, size=settings.max_header_bytes)
    gateway = Gateway(routes, runtime, limits)
    gateway.enable_reload(partial(_table, settings, layers), file, watch_files=settings.watch_files)
    if all(value_of(f"EVENTS_{name}") for name in ("URL", "PREFIX", "MONITOR_URL")):
        gateway.add_panel(broker_panel(EventSettings()))
    return gateway


def _layers(settings: GatewaySettings) -> OwnLayers:
    if settings.layers is None:
        return own_layers.of_table(settings.routes, POLICIES)
    return own_layers.load(settings.layers, POLICIES)


def _table(settings: GatewaySettings, layers: OwnLayers) -> table.Table:
    """The table, validated against these settings."""
    routes = table.load(settings.routes, own_layers.models(layers))
    if errors := errors_between(routes, settings):
        raise ConfigError(errors)
    return routes


def _overload(routes: table.Table, settings: GatewaySettings) -> OverloadMonitor | None:
    if settings.adaptive_concurrency or settings.max_in_flight or settings.max_loop_lag:
        adaptive = settings.adaptive_concurrency
        return OverloadMonitor(settings.max_in_flight, settings.max_loop_lag, adaptive=adaptive)
    if any("priority" in route.model_fields_set for route in routes.routes):
        log.warning(
            "the table has priorities, but GATEWAY_ADAPTIVE_CONCURRENCY is off, and neither "
            "GATEWAY_MAX_IN_FLIGHT nor GATEWAY_MAX_LOOP_LAG is set"
        )
    return None


def _access_log(settings: GatewaySettings) -> AccessLog | None:
    policy = settings.access_logging
    return None if policy.access_log == OFF else AccessLog(policy, settings.signing_key.encode())


def _provider(settings: GatewaySettings) -> Provider | None:
    if not settings.issuer.is_on:
        return None
    session = settings.session
    return Provider(
        settings.issuer,
        client_id=session.client_id,
        client_secret=session.client_secret,
        subjects=Subjects(reserved=(GUEST_PREFIX, *(f"{name}:" for name in settings.issuers))),
    )
