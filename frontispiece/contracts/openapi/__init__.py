"""Changes of OpenAPI documents, and whom they break: `diff`."""

from frontispiece.contracts.openapi.diff import Finding, Severity, diff

__all__ = ["Finding", "Severity", "diff"]
