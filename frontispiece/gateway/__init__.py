"""The gateway: one public surface in front of services and BFFs.

Stability: stable.

Its names are loaded when they are first used: a supervisor that needs the settings of a shutdown, or a tool
that reads a table, does without the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from frontispiece.gateway.app import Gateway, GatewaySettings, create_app
    from frontispiece.gateway.call import Call, Handler
    from frontispiece.gateway.config.layers import RouteLayer
    from frontispiece.gateway.console.panel import Panel, PanelFigures, PanelPart, PanelTable, PanelText

__all__ = [
    "Call",
    "Gateway",
    "GatewaySettings",
    "Handler",
    "Panel",
    "PanelFigures",
    "PanelPart",
    "PanelTable",
    "PanelText",
    "RouteLayer",
    "create_app",
]

_MODULES: Final = {
    "Call": "call",
    "Handler": "call",
    "Panel": "console.panel",
    "PanelFigures": "console.panel",
    "PanelPart": "console.panel",
    "PanelTable": "console.panel",
    "PanelText": "console.panel",
    "RouteLayer": "config.layers",
}
"""Where names are that do not need the whole gateway."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'app')}"), name)
