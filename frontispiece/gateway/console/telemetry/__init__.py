"""Traces and logs in the console, received by OTLP."""

from frontispiece.gateway.console.telemetry.endpoints import ENDPOINTS, Telemetry

__all__ = ["ENDPOINTS", "Telemetry"]
