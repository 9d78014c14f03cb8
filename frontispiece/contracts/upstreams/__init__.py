"""Apps as consumers of services: what their typed clients send and read, and what services offer."""

from frontispiece.contracts.upstreams.document import conflicts, upstream_calls
from frontispiece.contracts.upstreams.recording import Arguments, record

__all__ = ["Arguments", "conflicts", "record", "upstream_calls"]
