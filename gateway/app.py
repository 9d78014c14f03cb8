"""The shop's gateway: the platform's, with a layer of its own (client_versions.py)."""

from frontispiece.gateway import Gateway, GatewaySettings
from frontispiece.gateway import create_app as platform_app


def create_app(settings: GatewaySettings | None = None) -> Gateway:
    """The gateway; `GATEWAY_ROUTES` is `routes.toml` beside this file, as frontispiece.toml has it."""
    return platform_app(settings)
