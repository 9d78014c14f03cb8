"""The admin port, for operators and their tools."""

from frontispiece.gateway.admin.app import AdminSettings, admin_app

__all__ = ["AdminSettings", "admin_app"]
