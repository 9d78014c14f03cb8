"""The access log: one line of JSON for every request, without secrets and without anybody's name."""

from gateway.access.entry import noted
from gateway.access.log import AccessLog
from gateway.access.settings import AccessLogSettings

__all__ = ["AccessLog", "AccessLogSettings", "noted"]
