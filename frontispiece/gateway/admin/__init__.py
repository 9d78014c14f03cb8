"""The admin port, for operators and their tools."""

from frontispiece.gateway.admin.app import OFF, OTLP, AdminApp, AdminSettings, export_token

__all__ = ["OFF", "OTLP", "AdminApp", "AdminSettings", "export_token"]
