"""A line of the access log: what it has of a request, and what it leaves out."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from gateway.access.entry import Entry
from gateway.access.settings import Addresses
from kit import redaction
from kit.asgi import Scope
from kit.tokens import Identity

LONGEST_PATH: Final = 1024
LONGEST_QUERY: Final = 2048
MOST_CLIENTS: Final = 4096
"""Of so many it is remembered what is told of their addresses."""

NETWORKS: Final = {4: 24, 6: 48}

_METHOD: Final = re.compile(r"[A-Z]{1,16}")
_CACHE: Final = re.compile(rb";\s*(?:(hit)\b|fwd=([a-z-]{1,20}))")

Line = dict[str, Any]


class Lines:
    """Makes lines: nothing in them is longer than it should be, and nothing of them is anybody's secret.

    Args:
        addresses: how much is told of a client's address.
        secret: by it users are told apart: without it, nobody finds out who they are.
    """

    def __init__(self, addresses: Addresses, secret: bytes) -> None:
        self._addresses = addresses
        self._client = lru_cache(MOST_CLIENTS)(self.client)
        self._key = blake2b(secret, digest_size=32, person=b"access log").digest()

    def line(self, scope: Scope, entry: Entry, now: datetime, seconds: float) -> Line:
        """The line of a request that has ended now."""
        params = entry.params or {}
        raw = bytes(scope["raw_path"][:LONGEST_PATH]).decode("latin-1")
        query = bytes(scope["query_string"][:LONGEST_QUERY]).decode("latin-1")
        method = scope["method"]
        line: Line = {
            "time": now.astimezone(UTC).isoformat(timespec="milliseconds"),
            "request_id": entry.request_id.decode("latin-1") or None,
            "trace_id": entry.trace.decode("latin-1") if entry.trace else None,
            "method": method if _METHOD.fullmatch(method) else "_OTHER",
            "route": entry.route,
            "path": redaction.path(raw, redaction.personal(params)),
            "query": redaction.names(query),
            "status": entry.status,
            "bytes": entry.sent,
            "ms": round(seconds * 1000, 3),
            "upstream_ms": round(entry.upstream * 1000, 3) if entry.calls else None,
            "upstream_calls": entry.calls,
            "client": self._client(entry.peer or (scope["client"] or ("",))[0]),
            "user": self._user(entry.identity),
            "problem": redaction.word(entry.problem) if entry.problem else None,
            "cache": _outcome(entry.cache),
        }
        return {name: value for name, value in line.items() if value not in (None, [])}

    def client(self, peer: str) -> str | None:
        """What is told of a client's address; None of what is none."""
        if self._addresses is Addresses.NONE:
            return None
        try:
            address: IPv4Address | IPv6Address = ip_address(peer.partition("%")[0])
        except ValueError:
            return None
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if self._addresses is Addresses.WHOLE:
            return str(address)
        return str(ip_network((address, NETWORKS[address.version]), strict=False))

    def _user(self, identity: Identity | None) -> str | None:
        if identity is None:
            return None
        if identity.is_guest:
            return "guest"
        return blake2b(identity.subject.encode(), key=self._key, digest_size=9).hexdigest()


def _outcome(cache_status: bytes | None) -> str | None:
    """What the cache nearest to the client says that it did (RFC 9211)."""
    found = _CACHE.search(cache_status.rpartition(b",")[2]) if cache_status else None
    return (found[1] or found[2]).decode() if found else None
