"""The admin port, for operators and their tools."""

from frontispiece.gateway.admin.app import AdminApp, AdminSettings

__all__ = ["AdminApp", "AdminSettings"]
