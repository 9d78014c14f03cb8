"""The gateway: one public surface in front of services and BFFs.

Stability: stable.

Its names are loaded when they are first used: a supervisor that needs the settings of a shutdown, or a tool
that reads a table, does without the rest.
"""

from typing import TYPE_CHECKING

from frontispiece.lazy import lazy

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

if TYPE_CHECKING:
    from frontispiece.gateway.app import Gateway, GatewaySettings, create_app
    from frontispiece.gateway.call import Call, Handler
    from frontispiece.gateway.config.layers import RouteLayer
    from frontispiece.gateway.console.panel import Panel, PanelFigures, PanelPart, PanelTable, PanelText
else:
    __getattr__ = lazy(
        __name__,
        app="Gateway GatewaySettings create_app",
        call="Call Handler",
        **{
            "config.layers": "RouteLayer",
            "console.panel": "Panel PanelFigures PanelPart PanelTable PanelText",
        },
    )
