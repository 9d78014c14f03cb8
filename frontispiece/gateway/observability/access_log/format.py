"""Formats a line of the access log: no secrets, no names of users, nothing of unlimited length."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from ipaddress import ip_network
from typing import Any, Final

from frontispiece.gateway.forwarded import address_of
from frontispiece.gateway.observability.access_log.record import AccessRecord
from frontispiece.http.messages import IncomingRequest
from frontispiece.security import Identity
from frontispiece.telemetry import redaction

MAX_PATH: Final = 1024
MAX_QUERY: Final = 2048
MAX_CACHED_CLIENTS: Final = 4096
"""Clients whose shortened address is cached."""

NETWORKS: Final = {4: 24, 6: 48}

_METHOD: Final = re.compile(r"[A-Z]{1,16}")
_CACHE: Final = re.compile(rb";\s*(?:(hit)\b|fwd=([a-z-]{1,20}))")

Line = dict[str, Any]


class Addresses(StrEnum):
    """How much of a client's address a line contains."""

    NONE = "none"
    NETWORK = "network"
    WHOLE = "whole"


class LineFormatter:
    """Formats records as lines.

    The secret keys the hash that stands for a user, without which it cannot be reversed.
    """

    def __init__(self, addresses: Addresses, secret: bytes) -> None:
        self._addresses = addresses
        self._client = lru_cache(MAX_CACHED_CLIENTS)(self.client)
        self._key = blake2b(secret, digest_size=32, person=b"access log").digest()

    def line(self, request: IncomingRequest, record: AccessRecord, now: datetime, seconds: float) -> Line:
        """The line of a request that has just ended."""
        params = record.params or {}
        path, _, query = request.target.decode("latin-1").partition("?")
        method = request.method
        line: Line = {
            "time": now.astimezone(UTC).isoformat(timespec="milliseconds"),
            "request_id": record.request_id.decode("latin-1") or None,
            "trace_id": record.trace.decode("latin-1") if record.trace else None,
            "method": method if _METHOD.fullmatch(method) else "_OTHER",
            "route": record.route,
            "path": redaction.path(path[:MAX_PATH], redaction.personal(params)),
            "query": redaction.names(query[:MAX_QUERY]),
            "status": record.status,
            "bytes": record.sent,
            "ms": round(seconds * 1000, 3),
            "upstream_ms": round(record.upstream * 1000, 3) if record.calls else None,
            "upstream_calls": record.calls,
            "client": self._client(record.client_ip or request.client_ip),
            "client_version": str(record.client) if record.client else None,
            "user": self._user(record.identity),
            "problem": redaction.word(record.problem) if record.problem else None,
            "cache": _outcome(record.cache),
        }
        return {name: value for name, value in line.items() if value not in (None, [])}

    def client(self, peer: str) -> str | None:
        """A client's address as lines contain it; None of what is no address."""
        address = None if self._addresses is Addresses.NONE else address_of(peer)
        if address is None:
            return None
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
    """The outcome in the nearest cache (RFC 9211)."""
    found = _CACHE.search(cache_status.rpartition(b",")[2]) if cache_status else None
    return (found[1] or found[2]).decode() if found else None
