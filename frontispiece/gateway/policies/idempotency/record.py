"""Idempotency records: a response, encrypted, and the fingerprint of the request that it answered.

Responses may be personal. Each is encrypted with a key derived from what only its caller knows, the
`Idempotency-Key`: a reader of the store can neither read nor forge one, unless that key can be guessed.
"""

import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from frontispiece.gateway.auth.caller import network_of
from frontispiece.gateway.call import Call
from frontispiece.security import ANONYMOUS, Keyring
from frontispiece.upstream import Headers, Reply

CLAIM: Final = b"?"
RESPONSE: Final = b"="
"""Prefixes of the values in a store."""

STORED_HEADERS: Final = frozenset(
    {
        b"cache-control",
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"content-location",
        b"content-type",
        b"etag",
        b"last-modified",
        b"link",
        b"location",
        b"vary",
    }
)
"""Fields that belong to the response itself: no cookies, and nothing of the one call that it came by."""

WITHOUT_BODY: Final = frozenset({204, 304})


class _Record(msgspec.Struct, array_like=True):
    fingerprint: bytes
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass(frozen=True, slots=True)
class IdempotencyRecordKey:
    """The key of a record, which no two callers, routes or `Idempotency-Key`s share, and its encryption."""

    name: str
    _keyring: Keyring

    @classmethod
    def of(cls, call: Call, route: str, idempotency_key: bytes) -> Self:
        """The key of a call's record."""
        parts = repr((_caller(call), route, idempotency_key)).encode("utf-8", "surrogateescape")
        name = hashlib.sha256(b"place " + parts).hexdigest()
        secret = hashlib.sha256(b"seal " + parts).digest()
        return cls(f"idempotency:{name}", Keyring([base64.urlsafe_b64encode(secret).decode()]))

    def encrypt(self, fingerprint: bytes, reply: Reply, body: bytes) -> bytes:
        """A response as it is stored."""
        headers = [field for field in reply.headers if field[0] in STORED_HEADERS]
        record = _Record(fingerprint, reply.status, headers, body)
        return RESPONSE + self._keyring.encrypt(msgspec.msgpack.encode(record), self.name.encode())

    def decrypt(self, stored: bytes) -> tuple[bytes, Reply]:
        """The fingerprint and the response of a stored record.

        Raises:
            DecryptionError: it has another key.
            MsgspecError: it is of another version.
        """
        content = self._keyring.decrypt(stored.removeprefix(RESPONSE), self.name.encode())
        record = msgspec.msgpack.decode(content, type=_Record)
        return record.fingerprint, reply_with(record.status, record.headers, record.body)


def reply_with(status: int, headers: Headers, body: bytes) -> Reply:
    """A reply with this body, and its `Content-Length` where a status allows one."""
    headers = [field for field in headers if field[0] != b"content-length"]
    if status in WITHOUT_BODY:
        return Reply(status=status, headers=headers, body=b"")
    return Reply.whole(status, body, headers)


class Fingerprint:
    """A hash that tells a repeated request from another: method, path, query, content type, and body."""

    def __init__(self, call: Call) -> None:
        parts = (
            call.method,
            sorted((name, tuple(values)) for name, values in call.params.items()),
            call.query,
            call.header(b"content-type"),
            call.header(b"content-encoding"),
        )
        self._hash = hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape"))
        self.body: bytes | AsyncIterator[bytes]
        """The body, which is hashed while it is read."""
        self._complete = isinstance(call.body, bytes)
        if isinstance(call.body, bytes):
            self.body = call.body
            self._hash.update(call.body)
        else:
            self.body = self._hashed(call.body)

    @property
    def value(self) -> bytes | None:
        """The hash; None while the body has not been read to its end."""
        return self._hash.digest() if self._complete else None

    async def read(self) -> bytes:
        """The hash, after reading and dropping the body."""
        if not isinstance(self.body, bytes):
            async for _ in self.body:
                pass
        return self._hash.digest()

    async def _hashed(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self._hash.update(chunk)
            yield chunk
        self._complete = True


def _caller(call: Call) -> object:
    identity = call.identity
    if identity is None or identity == ANONYMOUS:
        return "address", network_of(call)
    return "user", identity.subject, identity.client
