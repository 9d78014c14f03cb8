"""The gateway's settings, and whether they have what a table needs."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import SettingsConfigDict

from frontispiece.errors import nearest
from frontispiece.gateway.admin import AdminSettings
from frontispiece.gateway.auth.oidc import FurtherIssuer, IssuerSettings
from frontispiece.gateway.auth.session import SessionSettings, valid_origin
from frontispiece.gateway.config.route import DEFAULT_ISSUER, Auth, IssuerName, Route
from frontispiece.gateway.config.table import Table
from frontispiece.gateway.grpc.data_plane import DataPlaneSettings
from frontispiece.gateway.observability.access_log import AccessLogSettings
from frontispiece.gateway.observability.clients import OTHER, UNKNOWN
from frontispiece.gateway.policies.cache.config import CacheSettings
from frontispiece.gateway.policies.idempotency.config import Store
from frontispiece.gateway.server_settings import ServerSettings
from frontispiece.http.client_version import NAME
from frontispiece.security import GUEST_PREFIX, private_key
from frontispiece.settings import Directory, Settings
from frontispiece.stores.valkey import OFF, ValkeyUrl
from frontispiece.units import Duration

_PREFIX: Final = "GATEWAY_"
_KUBERNETES_VARIABLES: Final = re.compile(r"GATEWAY_(SERVICE_|PORT(_|$))")


class GatewaySettings(Settings):
    """The gateway's settings."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX)

    routes: Path = Field(Path("routes.toml"), description="The file of the route table.")
    signing_key: str = Field(
        "",
        description="The Ed25519 private key, in PEM, that signs internal tokens; needed by tables that "
        "identify callers.",
        repr=False,
    )
    layers: Path | None = Field(
        None,
        description="The TOML file whose sections `[gateway.layers.NAME]` declare the project's own layers; "
        "the `frontispiece.toml` of the route table's project when left out.",
    )
    watch: bool = Field(True, description="Whether a change of the route table's file reloads it.")
    watch_files: bool = Field(
        False,
        description="Whether a change of the files of routes is served at once: for development, where "
        "`front up` sets it.",
    )
    valkey_url: ValkeyUrl = Field(
        OFF,
        description="The Valkey for shared rate limits, idempotency records and counts of clients: "
        "`unix://path` or `valkey://host:port/number`.",
    )
    known_clients: list[str] = Field(
        default_factory=list,
        max_length=16,
        description="Names of clients, as JSON, whose versions in `X-Client` are counted one by one.",
    )
    docs: bool = Field(
        False,
        description="Whether a table without `[docs]` is described at `/docs` and `/openapi.json`, with all "
        "of its routes: for development, where `front up` sets it.",
    )
    expose_timeline: bool = Field(
        False,
        description="Whether clients may request the timeline of an aggregate (`front explain`): not for "
        "the public.",
    )
    traces_per_second: int | None = Field(
        None,
        ge=1,
        description="Traces that are begun a second, and at once; besides, one a second of each route. "
        "Others are not sampled. A client's `traceparent` is followed. When left out, "
        "`OTEL_TRACES_SAMPLER` says it.",
    )
    adaptive_concurrency: bool = Field(
        True,
        description="Whether each route has a limit of calls in flight that adapts to its latency; beyond, "
        "only critical ones are let in.",
    )
    max_in_flight: int | None = Field(
        None,
        ge=1,
        description="Requests in flight per process; near it, routes of low `priority` are refused first, "
        "beyond it all but `critical` ones.",
    )
    max_loop_lag: Duration | None = Field(
        None,
        description="The lag of the event loop, such as `100ms`, with the same effect as "
        "`GATEWAY_MAX_IN_FLIGHT`.",
    )
    max_header_fields: int = Field(100, ge=1, description="How many header fields a request may have.")
    max_header_bytes: int = Field(
        32 * 1024,
        ge=1024,
        le=64 * 1024,
        description="How many bytes the names and values of its header fields may have together.",
    )
    directory: Directory = Field(default_factory=Directory)
    origins: list[str] = Field(
        default_factory=list,
        description="The web origins by which clients call the gateway, as JSON, which proofs of possession "
        "(DPoP) have to be for; `SESSION_ORIGIN` when left out.",
    )
    issuers: dict[IssuerName, Annotated[FurtherIssuer, BeforeValidator(FurtherIssuer.read)]] = Field(
        default_factory=dict,
        description="Further issuers of access tokens, as JSON by name, each with the keys of `ISSUER_*` in "
        "small letters.",
    )
    issuer: IssuerSettings = Field(default_factory=IssuerSettings)
    session: SessionSettings = Field(default_factory=SessionSettings)
    access_logging: AccessLogSettings = Field(default_factory=AccessLogSettings)
    admin_port: AdminSettings = Field(default_factory=AdminSettings)
    server: ServerSettings = Field(default_factory=ServerSettings)
    cache: CacheSettings = Field(default_factory=CacheSettings)
    native_grpc: DataPlaneSettings = Field(default_factory=DataPlaneSettings)

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: list[str]) -> list[str]:
        return [valid_origin(origin) for origin in origins]

    @field_validator("known_clients")
    @classmethod
    def _are_names(cls, names: list[str]) -> list[str]:
        if wrong := [name for name in names if not NAME.fullmatch(name) or name in {UNKNOWN, OTHER}]:
            raise ValueError(f"{wrong[0]!r} is no client's name: small letters, digits and hyphens")
        return names

    @field_validator("issuers")
    @classmethod
    def _are_different(cls, issuers: dict[str, FurtherIssuer]) -> dict[str, FurtherIssuer]:
        if taken := sorted({DEFAULT_ISSUER, GUEST_PREFIX.rstrip(":")} & issuers.keys()):
            raise ValueError(f"no further issuer is called {taken[0]!r}: the name has another meaning")
        urls = [issuer.url for issuer in issuers.values()]
        if OFF in urls:
            raise ValueError("each issuer has a url")
        if len(set(urls)) < len(urls):
            raise ValueError("two issuers have one url")
        return issuers

    @field_validator("signing_key")
    @classmethod
    def _is_key(cls, pem: str) -> str:
        if pem:
            private_key(pem)
        return pem

    @property
    def own_origins(self) -> list[str]:
        """The web origins by which clients call the gateway."""
        return self.origins or [origin for origin in [self.session.origin] if origin != OFF]


def unknown_variables(environment: Iterable[str], prefixes: Iterable[str] = (_PREFIX,)) -> Iterator[str]:
    """Which variables look like settings of the gateway and are none, with the nearest name of one.

    Kubernetes sets `GATEWAY_SERVICE_…` and `GATEWAY_PORT…` for a service that is called gateway.
    """
    for prefix in prefixes:
        known = {name for name, _ in GatewaySettings.variables() if name.startswith(prefix)}
        for name in sorted(environment):
            if name.startswith(prefix) and name not in known and not _KUBERNETES_VARIABLES.match(name):
                yield f"{name} is no setting of the gateway{nearest(name, known, prefix)}"


def identifies_callers(table: Table, settings: GatewaySettings) -> Iterator[str]:
    """Routes that identify callers have an issuer that does, and a key that signs internal tokens."""
    kinds = " and ".join(sorted({route.auth for route in table.routes if route.auth.identifies_caller}))
    if not kinds and not table.session:
        return
    routes = f"the table's {kinds or 'session'} routes"
    uses_own = table.session or any(DEFAULT_ISSUER in route.issuers for route in bearer_routes(table))
    if uses_own and not settings.issuer.is_on:
        yield f"ISSUER_URL: {routes} need an issuer of tokens: set it to your identity provider's URL"
    if not settings.signing_key:
        how = "make one with `openssl genpkey -algorithm ed25519`"
        yield f"GATEWAY_SIGNING_KEY: {routes} need a key that signs internal tokens: {how}"


def knows_issuers(table: Table, settings: GatewaySettings) -> Iterator[str]:
    """The issuers of a route are known, and one of them at most is asked about opaque tokens."""
    every: dict[str, IssuerSettings] = {DEFAULT_ISSUER: settings.issuer, **settings.issuers}
    if settings.issuer.is_on and settings.issuer.url in {issuer.url for issuer in settings.issuers.values()}:
        yield "GATEWAY_ISSUERS: one of them has the url of ISSUER_URL"
    for route in bearer_routes(table):
        for name in route.issuers:
            if name not in every:
                yield f"GATEWAY_ISSUERS: {route.path} names the issuer {name!r}{nearest(name, every)}"
        if sum(every[name].introspection != OFF for name in route.issuers if name in every) > 1:
            yield f"GATEWAY_ISSUERS: {route.path} has several issuers that introspect tokens"


def bearer_routes(table: Table) -> Iterator[Route]:
    """The routes that ask for access tokens."""
    return (route for route in table.routes if route.auth is Auth.BEARER)


def supports_sessions(table: Table, settings: GatewaySettings) -> Iterator[str]:
    """Sessions have a store, encryption keys, an issuer with discovery for logins, and end in time."""
    if table.session:
        if settings.issuer.is_on and not settings.issuer.has_discovery:
            yield "ISSUER_JWKS: [session] needs discovery for its logins: leave ISSUER_JWKS out"
        yield from settings.session.errors()
        if settings.session.local_cache_ttl > table.session.idle_timeout.total_seconds():
            yield "SESSION_LOCAL_CACHE_TTL: a local copy would outlast [session] idle_timeout"


def has_valkey(table: Table, settings: GatewaySettings) -> Iterator[str]:
    """State that gateways share is in a Valkey."""
    if settings.valkey_url != OFF:
        return
    limits = [limit for each in (*table.routes, table.session) if each for limit in each.rate_limit]
    if any(limit.shared for limit in limits):
        yield "GATEWAY_VALKEY_URL: the table's shared limits need a Valkey: set it, or leave `shared` out"
    for route in table.routes:
        if route.idempotency and route.idempotency.store is Store.VALKEY:
            what = f'the first answers of {route.path}, unless store = "memory",'
            yield f"GATEWAY_VALKEY_URL: {what} need a Valkey"


def has_origin(table: Table, settings: GatewaySettings) -> Iterator[str]:
    """Metadata of protected resources have URLs that clients know."""
    if any(route.protected_resource for route in table.routes) and not settings.own_origins:
        yield "GATEWAY_ORIGINS: the table's protected_resource needs the origin by which clients call"


SETTINGS_CHECKS: Final[tuple[Callable[[Table, GatewaySettings], Iterator[str]], ...]] = (
    identifies_callers,
    knows_issuers,
    supports_sessions,
    has_valkey,
    has_origin,
)
"""What a valid table needs of the settings; what it needs of itself is in `config/validate.py`."""


def errors_between(table: Table, settings: GatewaySettings) -> list[str]:
    """What the table needs and the settings lack."""
    return [error for check in SETTINGS_CHECKS for error in check(table, settings)]
