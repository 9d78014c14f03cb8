"""What a session costs a call: `python -m bench.session`, with `--write` into `results/session.md`.

Measured beside the same `jwt.decode` as `bench.auth`, on a Valkey of its own behind a socket file: once
by the local copy that a process has for a moment, without Valkey, and once by one round trip to it.
"""

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from bench import auth
from bench.auth import DECODE
from bench.timing import Times, measured, parsed_write, show
from frontispiece.cli.run.valkey import running_valkey
from frontispiece.gateway.auth.oidc import IssuerSettings, Provider
from frontispiece.gateway.auth.session import SessionSettings, cookies
from frontispiece.gateway.auth.session.context import SessionContext
from frontispiece.gateway.auth.session.guest_merge import GuestMerge
from frontispiece.gateway.auth.session.layer import GuestSessions, SessionAuth
from frontispiece.gateway.auth.session.local_cache import LocalSessionCache
from frontispiece.gateway.auth.session.record import SessionRecord
from frontispiece.gateway.auth.session.refresh import SessionManager, TokenRefresher
from frontispiece.gateway.call import Handler
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.config.session import Session
from frontispiece.security import Identity, new_key
from frontispiece.upstream import Headers

ORIGIN: Final = "https://shop.test"

HOURS: Final = 3600.0


async def cases(stack: AsyncExitStack, valkey_url: str) -> dict[str, Times]:
    """What is measured, until the stack is closed."""
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
    return {
        DECODE: (await auth.cases(stack))[DECODE],
        "the whole `session` layer, by the local copy": auth.calls(_handler(cached), headers),
        "the whole `session` layer, by one round trip to Valkey": auth.calls(_handler(uncached), headers),
    }


def _session() -> SessionRecord:
    """The session of a user, whose tokens are good for as long as it is measured."""
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
    layer = SessionAuth(
        context,
        SessionManager(context, TokenRefresher(context)),
        GuestSessions(context),
        GuestMerge(context, upstreams={}, authorization=_no_authorization),
    )
    route = Route.model_validate({"path": "/", "to": "nobody", "auth": "session", "scopes": ["shop"]})
    return layer.layer(route)(auth.nothing)


def _no_authorization(_identity: Identity, _service: str) -> bytes:
    raise AssertionError("no service is called here")


async def _measured(valkey_url: str) -> dict[str, float]:
    async with AsyncExitStack() as stack:
        return await measured(await cases(stack, valkey_url))


def main() -> None:
    """Measure and print."""
    write = parsed_write(__doc__)
    with tempfile.TemporaryDirectory() as folder, running_valkey(Path(folder)) as url:
        figures = asyncio.run(_measured(url))
    show("session", "What a session costs a call", auth.table(figures), write=write)


if __name__ == "__main__":
    main()
