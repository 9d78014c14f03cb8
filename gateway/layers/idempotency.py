"""A call that is sent again gets its first answer, and does nothing twice.

The first call is carried out to its end even when its client leaves meanwhile: that client comes again.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec

from gateway.call import Call, Handler, Layer
from gateway.idempotency.record import ANSWER, CLAIM, Fingerprint, Kept, Place, whole
from gateway.idempotency.stores import Answers
from gateway.policies.idempotency import Idempotency
from gateway.running import Running
from gateway.shared.server import Away
from gateway.upstream import Reply, TimedOut
from kit.problems import Problem
from kit.sealing import NotSealed

log = logging.getLogger(__name__)

SAFE: Final = frozenset({"GET", "HEAD"})

MOST_BYTES: Final = 256 * 1024
"""Of an answer's body; a longer one is passed on and not kept."""

ENDS_WITHIN: Final = 30.0
"""Seconds from an answer's beginning to its end."""

SLACK: Final = 10.0
"""Seconds that a claim outlasts the longest call: a gateway that dies leaves it behind."""

NOT_FINAL: Final = frozenset({401, 403, 407, 408, 409, 421, 423, 425, 429})
"""Refusals that another try may not get: nothing was done, so nothing is kept of them."""

_QUOTED = re.compile(rb'"((?:[^"\\]|\\["\\])*)"')
_KEY = re.compile(rb"[\x21-\x7e]{1,255}")

Count = Callable[[str], None]


def once(
    policy: Idempotency,
    route: str,
    answers: Answers,
    running: Running,
    *,
    timeout: float,
    count: Count = lambda _: None,
) -> Layer:
    """Carry out calls with an `Idempotency-Key` once.

    Args:
        policy: the route's.
        route: what no other route is called.
        answers: where they are kept.
        running: has the calls whose clients have left.
        timeout: seconds until a call's answer has begun, at most.
        count: is told what becomes of each call with a key.
    """
    ttl = policy.ttl.total_seconds()
    claimed_for = timeout + ENDS_WITHIN + SLACK

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            if call.method in SAFE:
                return await inner(call)
            key = _key_of(call)
            if key is None:
                if policy.required:
                    detail = "This needs an Idempotency-Key: one for each intent, the same for its retries."
                    raise Problem(400, "idempotency-key-missing", detail)
                return await inner(call)
            place = Place.of(call, route, key)
            first = _First(place, answers, ttl, claimed_for, count)
            return await first.finish(running.start(first.answer(inner, call), call.holds))

        return handle

    return layer


class _First:
    """A call with a key, which is the first of its intent, or finds out that it is not."""

    def __init__(self, place: Place, answers: Answers, ttl: float, claimed_for: float, count: Count) -> None:
        self._place = place
        self._word = CLAIM + secrets.token_bytes(16)
        self._answers = answers
        self._ttl = ttl
        self._claimed_for = claimed_for
        self._count = count
        self._abandoned = False

    async def finish(self, work: "asyncio.Task[Reply]") -> Reply:
        """The reply, unless the client leaves before: then the work goes on without anybody."""
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            self._abandoned = True
            if work.done() and not work.cancelled() and work.exception() is None:
                await work.result().release()
            raise

    async def answer(self, inner: Handler, call: Call) -> Reply:
        """What the call gets: an answer from before, or its own."""
        try:
            there = await self._answers.claim(self._place.name, self._word, self._claimed_for)
        except Away:
            self._count("unavailable")
            raise _unavailable() from None
        if there is not None:
            return await _again(call, self._place, there, self._count)
        return await self._carry_out(inner, call)

    async def _carry_out(self, inner: Handler, call: Call) -> Reply:
        """Call, and keep the answer if it is one to be kept."""
        fingerprint = Fingerprint(call)
        call.body = fingerprint.body
        body = None
        try:
            reply = await inner(call)
            if _may_be_kept(reply):
                reply, body = await _read(reply)
        except BaseException:
            self._count("not-kept")
            await self._release()
            raise
        if body is None or fingerprint.value is None:
            self._count("not-kept")
            await self._release()
        else:
            await self._keep(self._place.write(fingerprint.value, reply, body))
        if self._abandoned:
            await reply.release()
        return reply

    async def _keep(self, content: bytes) -> None:
        try:
            kept = await self._answers.keep(self._place.name, self._word, content, self._ttl)
        except Away:
            kept = False
        self._count("kept" if kept else "not-kept")
        if not kept:
            log.warning("an answer could not be kept: a retry that comes late is carried out again")

    async def _release(self) -> None:
        try:
            await self._answers.release(self._place.name, self._word)
        except Away:  # it ends by itself
            log.warning("the claim of an Idempotency-Key could not be released: retries wait until it ends")


async def _again(call: Call, place: Place, there: bytes, count: Count) -> Reply:
    """What a call gets whose key has been used before."""
    if not there.startswith(ANSWER):
        count("in-progress")
        detail = "The same request is being carried out. Try again."
        raise Problem(409, "request-in-progress", detail, headers={"Retry-After": "1"})
    kept = _read_kept(place, there)
    if await Fingerprint(call).alone() != kept.fingerprint:
        count("reused")
        raise Problem(422, "idempotency-key-reused", "This Idempotency-Key came with another request before.")
    count("replayed")
    kept.reply.headers.append((b"idempotency-replayed", b"true"))
    return kept.reply


def _read_kept(place: Place, there: bytes) -> Kept:
    try:
        return place.read(there)
    except (NotSealed, msgspec.MsgspecError) as fault:
        log.warning("a first answer cannot be read: %s", fault)
        raise _unavailable() from None


def _may_be_kept(reply: Reply) -> bool:
    """Whether an answer tells what has become of the request, and has an end."""
    kind = reply.header(b"content-type") or b""
    final = 200 <= reply.status < 500 and reply.status not in NOT_FINAL  # noqa: PLR2004 (classes of status)
    return final and not kind.lower().startswith(b"text/event-stream")


async def _read(reply: Reply) -> tuple[Reply, bytes | None]:
    """The reply, and its body unless that is too long to be kept."""
    if isinstance(reply.body, bytes):
        return reply, reply.body if len(reply.body) <= MOST_BYTES else None
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(ENDS_WITHIN):
            async for chunk in reply.body:
                chunks.append(chunk)
                size += len(chunk)
                if size > MOST_BYTES:
                    reply.body = _from_the_beginning(chunks, reply.body)
                    return reply, None
    except BaseException as ended:
        await reply.release()
        if isinstance(ended, TimeoutError):
            raise TimedOut(f"its answer had no end in {ENDS_WITHIN:g} s") from None
        raise
    await reply.release()
    body = b"".join(chunks)
    return whole(reply.status, reply.headers, body), body


async def _from_the_beginning(chunks: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    async for chunk in rest:
        yield chunk


def _key_of(call: Call) -> bytes | None:
    """The key, which may be written as a string in quotes, as the draft has it, or without them."""
    given = [value for name, value in call.headers if name == b"idempotency-key"]
    if not given:
        return None
    key = given[0].strip(b" \t")
    if quoted := _QUOTED.fullmatch(key):
        key = re.sub(rb"\\(.)", rb"\1", quoted[1])
    if len(given) > 1 or not _KEY.fullmatch(key):
        detail = "An Idempotency-Key is one header of 1 to 255 visible ASCII characters."
        raise Problem(400, "idempotency-key-invalid", detail)
    return key


def _unavailable() -> Problem:
    detail = "Whether this request was carried out before cannot be found out right now: nothing was done."
    return Problem(503, "idempotency-unavailable", detail, headers={"Retry-After": "1"})
