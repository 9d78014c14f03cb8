"""Calls with an `Idempotency-Key`, and a service that does something at each that reaches it."""

from collections.abc import AsyncIterator, Callable

import pytest

from frontispiece.gateway.call import Call, Handler
from frontispiece.http.problems import Problem
from frontispiece.security import Identity
from frontispiece.upstream import Headers, Reply
from tests.support import calls

Make = Callable[..., Handler]


class Service:
    """Creates one thing after the other, and answers as the test says."""

    def __init__(self) -> None:
        self.created: list[bytes] = []
        self.status = 201
        self.headers: Headers = [(b"content-type", b"application/json"), (b"set-cookie", b"secret=1")]
        self.body: Callable[[int], bytes | AsyncIterator[bytes]] = lambda number: b'{"id":%d}' % number
        self.failure: Exception | None = None
        self.released = 0

    async def __call__(self, call: Call) -> Reply:
        """Read the body, and do it."""
        body = call.body if isinstance(call.body, bytes) else b"".join([chunk async for chunk in call.body])
        self.created.append(body)
        if self.failure:
            raise self.failure
        answer = self.body(len(self.created))

        async def release() -> None:
            self.released += 1

        return Reply(status=self.status, headers=list(self.headers), body=answer, release=release)


def call(
    key: str | None = "k-1",
    body: bytes | AsyncIterator[bytes] = b"{}",
    *,
    user: Identity | str | None = "reader",
    peer: str = "192.0.2.7",
    method: str = "POST",
    query: bytes = b"",
    params: dict[str, list[str]] | None = None,
    kind: bytes = b"application/json",
) -> Call:
    headers = [(b"content-type", kind)]
    headers += [(b"idempotency-key", key.encode())] if key is not None else []
    identity = Identity(subject=user, scopes=frozenset()) if isinstance(user, str) else user
    return calls.call(
        method,
        params=params or {},
        query=query,
        headers=headers,
        body=body,
        client_ip=peer,
        identity=identity,
    )


async def outcome(reply: Reply) -> tuple[int, bytes, bool]:
    """Status, body, and whether it is a replay."""
    async with reply:
        return reply.status, await reply.read(10**7), reply.header(b"idempotency-replayed") == b"true"


async def refused(handler: Handler, one: Call) -> Problem:
    with pytest.raises(Problem) as refusal:
        await handler(one)
    return refusal.value
