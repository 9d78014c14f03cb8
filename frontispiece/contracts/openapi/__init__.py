"""Changes of OpenAPI documents, and whom they break: `diff`; `document_of` reads one."""

from frontispiece.contracts.openapi.diff import Finding, Severity, diff, document_of

__all__ = ["Finding", "Severity", "diff", "document_of"]
