"""What a session costs a call: `python -m bench.session`, with `--write` into `results/session.md`.

Measured beside the same `jwt.decode` as `bench.auth`, on a Valkey of its own behind a socket file: once
with the copy that a process believes for a moment, which asks Valkey for nothing, and once by one round trip.
"""

import asyncio
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from bench.auth import DECODE, EMPTY, ROUNDS, Around, Case, Figure, Times, measured, opened, table
from frontispiece.cli.run.valkey import running_valkey
from frontispiece.gateway.auth.oidc import IssuerSettings, Provider
from frontispiece.gateway.auth.session import SessionSettings, cookies
from frontispiece.gateway.auth.session.context import SessionContext
from frontispiece.gateway.auth.session.guest_merge import GuestMerge
from frontispiece.gateway.auth.session.layer import GuestSessions, SessionAuth
from frontispiece.gateway.auth.session.local_cache import LocalSessionCache
from frontispiece.gateway.auth.session.record import SessionRecord
from frontispiece.gateway.auth.session.refresh import SessionManager, TokenRefresher
from frontispiece.gateway.call import Call, Handler
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.config.session import Session
from frontispiece.security import Identity, new_key
from frontispiece.upstream import Headers, Reply

RESULTS: Final = Path(__file__).parent / "results" / "session.md"

ORIGIN: Final = "https://shop.test"

HOURS: Final = 3600.0


async def cases(stack: AsyncExitStack, valkey_url: str) -> list[Case]:
    """The cases, until the stack is closed."""
    settings = SessionSettings(origin=ORIGIN, valkey_url=valkey_url, encryption_keys=[new_key()])
    cached, uncached = [SessionContext(settings, Session(), Provider(IssuerSettings())) for _ in range(2)]
    for context, ttl in ((cached, 10 * HOURS), (uncached, 0)):
        await stack.enter_async_context(context.store.valkey)
        context.cache = LocalSessionCache(ttl)
        context.cache.set_subscribed(subscribed=True)
    session_id = cookies.new_session_id()
    await cached.store.put_guest(cookies.store_key(session_id), _session())
    headers: Headers = [
        (b"accept", b"*/*"),
        (b"cookie", b"%s=%s" % (cookies.SESSION, session_id.encode())),
        (b"x-csrf", b"1"),
        (b"sec-fetch-site", b"same-origin"),
    ]
    return [
        Case(
            title="the whole `session` layer, the copy believed",
            times=_times(_handler(cached), headers),
        ),
        Case(
            title="the whole `session` layer, by one round trip to Valkey",
            times=_times(_handler(uncached), headers),
        ),
    ]


def _session() -> SessionRecord:
    """Somebody's who has logged in; its tokens are good for as long as it is measured."""
    now = time.time()
    return SessionRecord(
        subject="bench",
        scopes=frozenset({"openid", "profile", "email", "shop"}),
        ends_at=now + 10 * HOURS,
        idle_timeout=HOURS,
        claims={"name": "Bench", "email": "bench@shop.test", "preferred_username": "bench"},
        sid="of the bench",
        refresh_token=new_key(),
        refresh_at=now + 10 * HOURS,
        tokens_expire_at=now + 10 * HOURS,
    )


def _handler(context: SessionContext) -> Handler:
    """The `session` layer, with nothing behind it."""
    gate = SessionAuth(
        context,
        SessionManager(context, TokenRefresher(context)),
        GuestSessions(context),
        GuestMerge(context, upstreams={}, authorization=_unasked),
    )

    async def nothing(_call: Call) -> Reply:
        return Reply(status=EMPTY.status, headers=[], body=b"")

    route = Route.model_validate({"path": "/", "to": "nobody", "auth": "session", "scopes": ["shop"]})
    return gate.layer(route)(nothing)


def _unasked(_identity: Identity, _service: str) -> bytes:
    raise AssertionError("nobody is told of anything here")


def _times(handler: Handler, headers: Headers) -> Times:
    async def times(_around: Around, count: int) -> None:
        call = Call(
            params={},
            method="GET",
            query=b"",
            headers=headers,
            body=b"",
            request_id=b"7",
            scheme="https",
            client_ip="127.0.0.1",
        )
        for _ in range(count):
            call.headers = headers
            await handler(call)

    return times


async def _main(valkey_url: str) -> list[Figure]:
    async with AsyncExitStack() as stack:
        around = await opened(stack)
        return await measured([DECODE, *await cases(stack, valkey_url)], around)


def main(arguments: list[str], show: Callable[[str], None] = print) -> int:
    """Measure, print and, when asked to, write."""
    with tempfile.TemporaryDirectory() as folder, running_valkey(Path(folder)) as url:
        shown = table(asyncio.run(_main(url)))
    show(shown)
    if "--write" in arguments:
        about = f"CPython {platform.python_version()}, {ROUNDS} rounds; `python -m bench.session --write`."
        RESULTS.write_text(f"# What a session costs a call\n\n{about}\n\n{shown}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
