"""The admin port: what operators and their tools ask the gateway itself; never the public's business."""

from gateway.admin.app import admin_app
from gateway.admin.settings import AdminSettings

__all__ = ["AdminSettings", "admin_app"]
