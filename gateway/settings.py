"""What a gateway needs to be told, and whether its table and that fit."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator
from pydantic_settings import SettingsConfigDict

from gateway.access import AccessLogSettings
from gateway.admin import AdminSettings
from gateway.cache.settings import CacheSettings
from gateway.duration import Duration
from gateway.oidc import IssuerSettings
from gateway.policies.idempotency import Kept
from gateway.session import SessionSettings
from gateway.shared.server import OFF
from gateway.stopping import StopSettings
from gateway.table import Table
from kit.keys import private_key
from kit.settings import Directory, Settings


def _is_valkey(url: str) -> str:
    if url != OFF and not _VALKEY.fullmatch(url):
        raise ValueError('write "unix://path", "valkey://host:port/number", "valkeys://…", or "off"')
    return url


ValkeyUrl = Annotated[str, AfterValidator(_is_valkey)]
_VALKEY = re.compile(r"unix:///\S+|valkeys?://[^\s/]+(/[0-9]*)?(\?\S*)?")


class GatewaySettings(Settings):
    """The gateway's settings."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    routes: Path = Field(Path("routes.toml"), description="The route table.")
    signing_key: str = Field(
        description="The Ed25519 private key, in PEM, by which services know that the gateway calls them.",
        repr=False,
    )
    watch: bool = Field(True, description="Whether a change of the route table's file is served at once.")
    valkey_url: ValkeyUrl = Field(
        OFF,
        description="The Valkey in which gateways count shared limits and keep answers: `unix://path` or "
        "`valkey://host:port/number`.",
    )
    explain: bool = Field(False, description="Whether clients may see how an aggregate is joined.")
    most_calls: int | None = Field(
        None, ge=1, description="Calls that may wait for their answer; beyond, only critical ones pass."
    )
    most_lag: Duration | None = Field(
        None, description="How late the event loop may be; beyond, only critical calls pass."
    )
    max_header_fields: int = Field(100, ge=1, description="The header fields that a request may have.")
    max_header_bytes: int = Field(
        32 * 1024, ge=1024, le=64 * 1024, description="The bytes of their names and values together."
    )
    directory: Directory = Field(default_factory=Directory)
    issuer: IssuerSettings = Field(default_factory=IssuerSettings)
    session: SessionSettings = Field(default_factory=SessionSettings)
    access: AccessLogSettings = Field(default_factory=AccessLogSettings)
    operation: AdminSettings = Field(default_factory=AdminSettings)
    ending: StopSettings = Field(default_factory=StopSettings)
    cache: CacheSettings = Field(default_factory=CacheSettings)

    @field_validator("signing_key")
    @classmethod
    def _is_key(cls, pem: str) -> str:
        private_key(pem)
        return pem


def faults_between(routes: Table, settings: GatewaySettings) -> Iterator[str]:
    """What the table asks for and the settings lack."""
    asked = {route.auth for route in routes.routes if route.auth.tells_who}
    if (asked or routes.session) and not settings.issuer.is_on:
        kinds = " and ".join(sorted(asked)) or "session"
        yield f"ISSUER_URL: the table's {kinds} routes need an issuer whose tokens prove who is calling"
    if routes.session:
        yield from settings.session.faults()
    if settings.valkey_url == OFF:
        yield from (f"GATEWAY_VALKEY_URL: {what} need a Valkey" for what in _needs_valkey(routes))


def _needs_valkey(routes: Table) -> Iterator[str]:
    limits = [limit for each in (*routes.routes, routes.session) if each for limit in each.limit]
    if any(limit.shared for limit in limits):
        yield "the table's shared limits"
    for route in routes.routes:
        if route.idempotency and route.idempotency.kept is Kept.VALKEY:
            yield f'the first answers of {route.path}, unless kept = "memory",'
