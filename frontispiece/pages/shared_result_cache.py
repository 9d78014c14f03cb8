"""Results of sources in Valkey, shared by all processes of an app."""

import hashlib
from typing import Any, Final

import msgspec

from frontispiece.stores.valkey import UNREADABLE, BestEffortValkey
from frontispiece.upstream import UpstreamClientError

MAX_KEY: Final = 200
"""Bytes of a key beyond which its digest stands for it."""


_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class StoredError(msgspec.Struct, array_like=True):
    """The arguments of an `UpstreamClientError`; its members are JSON."""

    status: int
    kind: str | None
    type_uri: str | None
    title: str | None
    detail: str | None
    members: bytes
    retry_after: str | None

    def error(self) -> UpstreamClientError:
        """The error that was stored."""
        return UpstreamClientError(**{**msgspec.structs.asdict(self), "members": _members(self.members)})


class StoredResult(msgspec.Struct, array_like=True):
    """An entry; `key` is the whole key, so that no result of another key is ever taken for one of this."""

    key: bytes
    loaded: float
    error: StoredError | None
    value: msgspec.Raw


class LoadedResult(msgspec.Struct):
    """A value or a 4xx, loaded `age` seconds ago."""

    value: Any = None
    error: UpstreamClientError | None = None
    age: float = 0.0


class CacheNamespace:
    """The results of one source in Valkey.

    An entry has the time of day at which it was loaded, so a difference between the clocks of two machines
    lengthens or shortens its life.

    Raises:
        TypeError: results of this type cannot be encoded.
    """

    def __init__(self, store: BestEffortValkey, name: str, shape: Any) -> None:
        schema = msgspec.json.encode(msgspec.json.schema(shape), order="sorted")
        self._store = store
        self._name = name
        self._prefix = f"page:{name}:{hashlib.sha256(schema).hexdigest()[:16]}:".encode()
        self._entries = msgspec.msgpack.Decoder(StoredResult)
        self._values: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(shape)
        self._encode = msgspec.msgpack.Encoder().encode

    async def get(self, key: bytes) -> LoadedResult | None:
        """The entry of a key; None without one that can be decoded."""
        content = await self._store.get(self._key(key))
        if content is None:
            return None
        try:
            entry = self._entries.decode(content)
            if entry.key != self._prefix + key:
                raise msgspec.ValidationError("it belongs to another key")
            value = self._values.decode(entry.value) if entry.error is None else None
        except UNREADABLE as error:
            self._store.warn("an entry of %s cannot be decoded: %s", self._name, error)
            return None
        failure = entry.error.error() if entry.error is not None else None
        return LoadedResult(value=value, error=failure, age=max(0.0, self._store.now() - entry.loaded))

    def put(self, key: bytes, loaded: LoadedResult, ttl: float) -> None:
        """Store a result that was loaded just now."""
        error = loaded.error
        stored = None
        if error is not None:
            stored = StoredError(
                error.upstream_status,
                None if error.type_uri else error.type,
                error.type_uri,
                error.title,
                error.detail,
                msgspec.json.encode(error.members),
                error.retry_after,
            )
        try:
            value = msgspec.Raw(self._encode(loaded.value))
            content = self._encode(StoredResult(self._prefix + key, self._store.now(), stored, value))
        except UNREADABLE as failure:
            self._store.warn("a result of %s cannot be encoded: %s", self._name, failure)
            return
        self._store.put(self._key(key), content, ttl)

    def delete(self, key: bytes) -> None:
        """Delete the entry of a key."""
        self._store.delete(self._key(key))

    def _key(self, key: bytes) -> bytes:
        if len(key) > MAX_KEY:
            key = b"#" + hashlib.sha256(key).digest()
        return self._prefix + key
