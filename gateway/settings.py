"""What a gateway needs to be told, and whether its table and that fit."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from gateway.admin import AdminSettings
from gateway.oidc import IssuerSettings
from gateway.session import SessionSettings
from gateway.table import Table
from kit.settings import Directory, Settings
from kit.tokens import private_key


class GatewaySettings(Settings):
    """The gateway's settings."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    routes: Path = Field(Path("routes.toml"), description="The route table.")
    signing_key: str = Field(
        description="The Ed25519 private key, in PEM, by which services know that the gateway calls them.",
        repr=False,
    )
    explain: bool = Field(False, description="Whether clients may see how an aggregate is joined.")
    max_header_fields: int = Field(100, ge=1, description="The header fields that a request may have.")
    max_header_bytes: int = Field(
        32 * 1024, ge=1024, le=64 * 1024, description="The bytes of their names and values together."
    )
    directory: Directory = Field(default_factory=Directory)
    issuer: IssuerSettings = Field(default_factory=IssuerSettings)
    session: SessionSettings = Field(default_factory=SessionSettings)
    operation: AdminSettings = Field(default_factory=AdminSettings)

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
