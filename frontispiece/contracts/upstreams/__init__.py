"""Apps as consumers of services: what their typed clients send and read, and what services offer."""

from frontispiece.contracts.upstreams.document import conflicts, document
from frontispiece.contracts.upstreams.recording import Arguments, record

__all__ = ["Arguments", "conflicts", "document", "record"]
