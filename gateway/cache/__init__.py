"""A shared cache for answers (RFC 9111): what is kept, for how long, and for whom."""

from gateway.cache.entry import Entry
from gateway.cache.http_cache import HttpCache, Key, Ticket

__all__ = ["Entry", "HttpCache", "Key", "Ticket"]
