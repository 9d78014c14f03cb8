"""The admin port, for operators and their tools."""

from frontispiece.gateway.admin.app import OFF, AdminApp, AdminSettings

__all__ = ["OFF", "AdminApp", "AdminSettings"]
