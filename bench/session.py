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
from front.valkey import running_valkey
from gateway.call import Call, Handler
from gateway.oidc import IssuerSettings, Provider
from gateway.session import cookies
from gateway.session.adoption import Adoption
from gateway.session.background import Background
from gateway.session.copies import Copies
from gateway.session.keeper import Keeper
from gateway.session.layer import Gate, Guests
from gateway.session.record import Session
from gateway.session.refresh import Refresher
from gateway.session.server import Server
from gateway.session.store import Store
from gateway.upstream import Headers, Reply
from kit.sealing import Ring, new_key
from kit.tokens import Identity

RESULTS: Final = Path(__file__).parent / "results" / "session.md"

ORIGIN: Final = "https://shop.test"

HOURS: Final = 3600.0


async def cases(stack: AsyncExitStack, valkey_url: str) -> list[Case]:
    """The cases, until the stack is closed."""
    store = Store(await stack.enter_async_context(Server(valkey_url)), Ring([new_key()]))
    session_id = cookies.new_id()
    await store.put_guest(cookies.key_of(session_id), _session())
    headers: Headers = [
        (b"accept", b"*/*"),
        (b"cookie", b"%s=%s" % (cookies.SESSION, session_id.encode())),
        (b"x-csrf", b"1"),
        (b"sec-fetch-site", b"same-origin"),
    ]
    return [
        Case(
            title="the whole `session` layer, the copy believed",
            times=_times(_handler(store, 10 * HOURS), headers),
        ),
        Case(
            title="the whole `session` layer, by one round trip to Valkey",
            times=_times(_handler(store, 0), headers),
        ),
    ]


def _session() -> Session:
    """Somebody's who has logged in; its tokens are good for as long as it is measured."""
    now = time.time()
    return Session(
        subject="bench",
        scopes=frozenset({"openid", "profile", "email", "shop"}),
        ends=now + 10 * HOURS,
        idle=HOURS,
        claims={"name": "Bench", "email": "bench@shop.test", "preferred_username": "bench"},
        sid="of the bench",
        refresh_token=new_key(),
        renewed=now + 10 * HOURS,
        expires=now + 10 * HOURS,
    )


def _handler(store: Store, local_seconds: float) -> Handler:
    """The `session` layer, with nothing behind it."""
    copies, background = Copies(local_seconds), Background()
    copies.hear(hears=True)
    refresher = Refresher(store, copies, Provider(IssuerSettings()), background)
    gate = Gate(
        keeper=Keeper(store, copies, refresher),
        guests=Guests(store, copies),
        adoption=Adoption(
            (),
            upstreams={},
            authorization=_unasked,
            client="web",
            store=store,
            background=background,
        ),
        origin=ORIGIN,
        client="web",
        login="/web/session/login",
    )

    async def nothing(_call: Call) -> Reply:
        return Reply(status=EMPTY.status, headers=[], body=b"")

    return gate.layer(["shop"], guest=False)(nothing)


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
            peer="127.0.0.1",
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
