"""What changes of OpenAPI documents break, and for whom: `diff`."""

from frontispiece.contracts.openapi.diff import Finding, Severity, diff

__all__ = ["Finding", "Severity", "diff"]
