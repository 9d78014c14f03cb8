"""The gateway: one public surface in front of services and BFFs.

Its names are loaded when they are first used: a supervisor that needs the settings of a shutdown, or a tool
that reads a table, does without the rest.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from frontispiece.gateway.app import Gateway, GatewaySettings, create_app

__all__ = ["Gateway", "GatewaySettings", "create_app"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from frontispiece.gateway import app  # noqa: PLC0415 (the module's docstring says why)

    return getattr(app, name)
