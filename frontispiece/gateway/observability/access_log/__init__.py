"""The access log: one line of JSON for every request, without secrets and names."""

from frontispiece.gateway.observability.access_log.middleware import OFF, AccessLog, AccessLogSettings
from frontispiece.gateway.observability.access_log.record import access_log_layer

__all__ = ["OFF", "AccessLog", "AccessLogSettings", "access_log_layer"]
