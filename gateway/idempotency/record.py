"""What is kept of a first answer, and of the request that it answered.

Answers may be personal. Each is sealed with a key made of what only its caller knows, the `Idempotency-Key`:
whoever reads Valkey can neither read nor forge one, unless that key can be guessed.
"""

import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from gateway.call import Call
from gateway.layers.limit import CALLER_OF
from gateway.policies import By
from gateway.upstream import Headers, Reply
from kit.sealing import Ring
from kit.tokens import NOBODY

CLAIM: Final = b"?"
ANSWER: Final = b"="
"""How what is in a place begins."""

KEPT: Final = frozenset(
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
"""Fields that are part of the answer itself: no cookies, and nothing of the one call that it came by."""

NO_LENGTH: Final = frozenset({204, 304})
"""Answers that have no body, and are not told the length of one."""


class _Record(msgspec.Struct, array_like=True):
    fingerprint: bytes
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """A first answer, and the fingerprint of the request that got it."""

    fingerprint: bytes
    reply: Reply


@dataclass(frozen=True, slots=True)
class Place:
    """Where the answer to one intent is kept: of whom, on which route, under which key."""

    name: str
    _ring: Ring

    @classmethod
    def of(cls, call: Call, route: str, key: bytes) -> Self:
        """The place of a call's answer. No other caller has the same, whatever key it sends."""
        whole = repr((_owner(call), route, key)).encode("utf-8", "surrogateescape")
        name = hashlib.sha256(b"place " + whole).hexdigest()
        secret = hashlib.sha256(b"seal " + whole).digest()
        return cls(f"idempotency:{name}", Ring([base64.urlsafe_b64encode(secret).decode()]))

    def write(self, fingerprint: bytes, reply: Reply, body: bytes) -> bytes:
        """An answer as it is kept."""
        headers = [field for field in reply.headers if field[0] in KEPT]
        record = _Record(fingerprint, reply.status, headers, body)
        return ANSWER + self._ring.seal(msgspec.msgpack.encode(record), self.name.encode())

    def read(self, content: bytes) -> Kept:
        """An answer that was kept.

        Raises:
            NotSealed: it is none of this place.
            MsgspecError: it is of another time.
        """
        plain = self._ring.open(content.removeprefix(ANSWER), self.name.encode())
        record = msgspec.msgpack.decode(plain, type=_Record)
        return Kept(record.fingerprint, whole(record.status, record.headers, record.body))


def whole(status: int, headers: Headers, body: bytes) -> Reply:
    """A reply with this body, and its length where that may be told."""
    kept = [field for field in headers if field[0] != b"content-length"]
    if status in NO_LENGTH:
        return Reply(status=status, headers=kept, body=b"")
    return Reply.whole(status, body, kept)


class Fingerprint:
    """Tells a retry from another request: method, path, query, the kind of the body, and the body itself."""

    def __init__(self, call: Call) -> None:
        said = (
            call.method,
            sorted((name, tuple(values)) for name, values in call.params.items()),
            call.query,
            call.header(b"content-type"),
            call.header(b"content-encoding"),
        )
        self._hash = hashlib.sha256(repr(said).encode("utf-8", "surrogateescape"))
        self._body = call.body
        self._complete = False
        if isinstance(self._body, bytes):
            self._hash.update(self._body)
            self._complete = True

    @property
    def body(self) -> bytes | AsyncIterator[bytes]:
        """The body, which is looked at while somebody else reads it."""
        return self._body if isinstance(self._body, bytes) else self._looked_at(self._body)

    @property
    def value(self) -> bytes | None:
        """The fingerprint; None while the body has not been read to its end."""
        return self._hash.digest() if self._complete else None

    async def alone(self) -> bytes:
        """The same of a body that nobody else wants; nothing of it is kept."""
        if not isinstance(self._body, bytes):
            async for _ in self._looked_at(self._body):
                pass
        return self._hash.digest()

    async def _looked_at(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self._hash.update(chunk)
            yield chunk
        self._complete = True


def _owner(call: Call) -> object:
    """The caller; of one who is nobody all that is known is the address."""
    identity = call.identity
    if identity is None or identity == NOBODY:
        return "address", CALLER_OF[By.ADDRESS](call)
    return "user", identity.subject, identity.client
