"""The layer that carries out calls with an `Idempotency-Key` once.

The first call is carried out to its end even when its client leaves: that client may repeat it.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec

from frontispiece.aio import BackgroundTasks
from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.policies.idempotency.config import Idempotency
from frontispiece.gateway.policies.idempotency.record import (
    CLAIM,
    RESPONSE,
    Fingerprint,
    IdempotencyRecordKey,
    reply_with,
)
from frontispiece.gateway.policies.idempotency.stores import RecordStore
from frontispiece.gateway.resources import TableResources
from frontispiece.http.headers import SAFE_METHODS
from frontispiece.http.problems import Problem
from frontispiece.security import DecryptionError
from frontispiece.stores.valkey import ValkeyUnavailable
from frontispiece.upstream import Reply, TimedOut

log = logging.getLogger(__name__)

MAX_BODY: Final = 256 * 1024
"""Bytes of a response's body; a longer one is passed on and not stored."""

BODY_TIMEOUT: Final = 30.0
"""Seconds from a response's headers to its end."""

CLAIM_MARGIN: Final = 10.0
"""Seconds that a claim outlasts the longest call: a gateway that dies leaves it behind."""

NOT_FINAL: Final = frozenset({401, 403, 407, 408, 409, 421, 423, 425, 429})
"""Refusals that a repeated call may not get: nothing was done, so they are not stored."""

_QUOTED = re.compile(rb'"((?:[^"\\]|\\["\\])*)"')
_KEY = re.compile(rb"[\x21-\x7e]{1,255}")

Count = Callable[[str], None]


def for_route(route: Route, resources: TableResources) -> Iterator[Layer]:
    """The layer of a route that carries out calls with an `Idempotency-Key` once."""
    if policy := route.idempotency:
        runtime = resources.runtime
        yield idempotency_layer(
            policy,
            route.id,
            runtime.idempotency[policy.store],
            runtime.background,
            timeout=route.timeout.total_seconds(),
            count=partial(runtime.metrics.idempotency.add, route.name),
        )


def idempotency_layer(
    policy: Idempotency,
    route: str,
    store: RecordStore,
    tasks: BackgroundTasks,
    *,
    timeout: float,
    count: Count = lambda _: None,
) -> Layer:
    """Carry out calls with an `Idempotency-Key` once."""
    ttl = policy.ttl.total_seconds()
    claim_ttl = timeout + BODY_TIMEOUT + CLAIM_MARGIN

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            if call.method in SAFE_METHODS:
                return await inner(call)
            idempotency_key = _key_of(call)
            if idempotency_key is None:
                if policy.required:
                    detail = "This needs an Idempotency-Key: one for each request, the same for its retries."
                    raise Problem(400, "idempotency-key-missing", detail)
                return await inner(call)
            key = IdempotencyRecordKey.of(call, route, idempotency_key)
            keyed = _KeyedCall(key, store, ttl, claim_ttl, count)
            return await keyed.wait(tasks.start(keyed.run(inner, call), holds=call.lease))

        return handle

    return layer


@dataclass(slots=True)
class _KeyedCall:
    """A call with an `Idempotency-Key`, the first one or a repetition."""

    key: IdempotencyRecordKey
    store: RecordStore
    ttl: float
    claim_ttl: float
    count: Count
    token: bytes = field(default_factory=lambda: CLAIM + secrets.token_bytes(16))
    abandoned: bool = False

    async def wait(self, running: "asyncio.Task[Reply]") -> Reply:
        """The reply; when the client leaves before, the call runs on."""
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self.abandoned = True
            if running.done() and not running.cancelled() and running.exception() is None:
                await running.result().release()
            raise

    async def run(self, inner: Handler, call: Call) -> Reply:
        """The stored response of the first call, or else this call's own."""
        try:
            stored = await self.store.claim(self.key.name, self.token, self.claim_ttl)
        except ValkeyUnavailable:
            self.count("unavailable")
            raise _unavailable() from None
        if stored is not None:
            return await _replay(call, self.key, stored, self.count)
        return await self._carry_out(inner, call)

    async def _carry_out(self, inner: Handler, call: Call) -> Reply:
        """Call the service, and store its response if it may be repeated."""
        fingerprint = Fingerprint(call)
        call.body = fingerprint.body
        body = None
        try:
            reply = await inner(call)
            if _is_storable(reply):
                reply, body = await _read(reply)
        except BaseException:
            self.count("not-stored")
            await self._release()
            raise
        if body is None or fingerprint.value is None:
            self.count("not-stored")
            await self._release()
        else:
            await self._complete(self.key.encrypt(fingerprint.value, reply, body))
        if self.abandoned:
            await reply.release()
        return reply

    async def _complete(self, response: bytes) -> None:
        try:
            stored = await self.store.complete(self.key.name, self.token, response, self.ttl)
        except ValkeyUnavailable:
            stored = False
        self.count("stored" if stored else "not-stored")
        if not stored:
            log.warning("a response could not be stored: a late repetition of its call is carried out again")

    async def _release(self) -> None:
        try:
            await self.store.release(self.key.name, self.token)
        except ValkeyUnavailable:  # the claim ends by itself
            log.warning("the claim of an Idempotency-Key could not be released: retries wait until it ends")


async def _replay(call: Call, key: IdempotencyRecordKey, stored: bytes, count: Count) -> Reply:
    """The response of the first call with this key, if it was the same request and has ended."""
    if not stored.startswith(RESPONSE):
        count("in-progress")
        detail = "The same request is being carried out. Try again."
        raise Problem(409, "request-in-progress", detail, headers={"Retry-After": "1"})
    try:
        fingerprint, reply = key.decrypt(stored)
    except (DecryptionError, msgspec.MsgspecError) as error:
        log.warning("an idempotency record cannot be read: %s", error)
        raise _unavailable() from None
    if await Fingerprint(call).read() != fingerprint:
        count("reused")
        raise Problem(422, "idempotency-key-reused", "This Idempotency-Key came with another request before.")
    count("replayed")
    reply.headers.append((b"idempotency-replayed", b"true"))
    return reply


def _is_storable(reply: Reply) -> bool:
    """Whether a response tells the outcome of the request, and has an end."""
    content_type = reply.header(b"content-type") or b""
    final = 200 <= reply.status < 500 and reply.status not in NOT_FINAL  # noqa: PLR2004 (classes of status)
    return final and not content_type.lower().startswith(b"text/event-stream")


async def _read(reply: Reply) -> tuple[Reply, bytes | None]:
    """The reply, and its body unless that is too long to be stored."""
    if isinstance(reply.body, bytes):
        return reply, reply.body if len(reply.body) <= MAX_BODY else None
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in reply.body:
                chunks.append(chunk)
                size += len(chunk)
                if size > MAX_BODY:
                    reply.body = _chained(chunks, reply.body)
                    return reply, None
    except BaseException as failure:
        await reply.release()
        if isinstance(failure, TimeoutError):
            raise TimedOut(f"the response had no end in {BODY_TIMEOUT:g} s") from None
        raise
    await reply.release()
    body = b"".join(chunks)
    return reply_with(reply.status, reply.headers, body), body


async def _chained(chunks: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    async for chunk in rest:
        yield chunk


def _key_of(call: Call) -> bytes | None:
    """The `Idempotency-Key`, written as a quoted string, as in the draft, or without quotes."""
    values = [value for name, value in call.headers if name == b"idempotency-key"]
    if not values:
        return None
    key = values[0].strip(b" \t")
    if quoted := _QUOTED.fullmatch(key):
        key = re.sub(rb"\\(.)", rb"\1", quoted[1])
    if len(values) > 1 or not _KEY.fullmatch(key):
        detail = "An Idempotency-Key is one header of 1 to 255 visible ASCII characters."
        raise Problem(400, "idempotency-key-invalid", detail)
    return key


def _unavailable() -> Problem:
    detail = "Whether this request was carried out before cannot be found out right now: nothing was done."
    return Problem(503, "idempotency-unavailable", detail, headers={"Retry-After": "1"})
