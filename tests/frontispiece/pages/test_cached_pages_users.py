"""A cached result is given to no caller whom it does not concern."""

import asyncio
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from frontispiece.http.problems import Problem
from frontispiece.pages import Cache, Page, PageApp, PageRequest
from frontispiece.security import Identity
from frontispiece.stores.valkey import BestEffortValkey
from frontispiece.upstream import Request, Upstream
from frontispiece.upstream.transports.asgi import AsgiTransport
from tests.frontispiece.pages.conftest import AppOf
from tests.support.pages import Things, reply_of, things_at
from tests.support.stub import Exchange, Stub, answering

SHARED = Cache(ttl=1_000, shared=True)


class Calls(Struct):
    """A view: whom the service saw, part by part."""

    public: str
    private: str
    own: str
    derived: str


def identity(inbound: PageRequest) -> Identity:
    """Who asks, as its token says: its name before the dot."""
    calls = inbound.header("authorization")
    if calls is None:
        raise Problem(401, "token-missing")
    return Identity(subject=calls.partition(".")[0], scopes=frozenset())


def shop_page(policy: Cache) -> Page:
    """A page with every kind of source."""
    page = Page("/shop/{item}", deadline=60.0)

    @page.source(cache=policy)
    async def public(item: str, things: Things) -> str:
        return str(await things.thing(item))

    @page.source(cache=policy)
    async def private(item: str, things: Things, caller: Identity) -> str:
        return str(await things.thing(item))

    @page.source()
    async def own(item: str, things: Things, caller: Identity) -> str:
        return str(await things.thing(item))

    @page.source(cache=policy)
    async def derived(own: str, things: Things) -> str:
        return f"{own} / {await things.thing('derived')}"

    @page.view
    def view(public: str, private: str, own: str, derived: str) -> Calls:
        return Calls(public, private, own, derived)

    return page


async def echo(exchange: Exchange, status: int = 200) -> None:
    """Respond with all that could identify the caller, or fail."""
    credentials = exchange.all(b"authorization") + exchange.all(b"cookie")
    name = b",".join(each.partition(b".")[0] for each in credentials) or b"nobody"
    content = b'"%b for %b"' % (exchange.path, name) if status == 200 else b""
    await answering(status, content)(exchange)


async def visit(app: PageApp, user: str, token: str, item: str, leaves_after: int | None = None) -> None:
    """Request the page, perhaps to disconnect after so many turns; a view has the user's own results."""
    headers = [(b"authorization", f"{user}.{token}".encode()), (b"cookie", user.encode())]
    call = asyncio.ensure_future(
        reply_of(app, Request(method="GET", target=f"/shop/{item}", headers=headers))
    )
    if leaves_after is not None:
        for _ in range(leaves_after):
            await asyncio.sleep(0)
        call.cancel()
    await asyncio.wait([call])
    reply = None if call.cancelled() else call.result()
    if reply is None or reply.status != 200:
        return
    assert msgspec.json.decode(await reply.read(1_000), type=Calls) == Calls(
        public=f"/things/{item} for nobody",
        private=f"/things/{item} for {user}",
        own=f"/things/{item} for {user}",
        derived=f"/things/{item} for {user} / /things/derived for nobody",
    )


Visit = tuple[str, str, str, int | None]

POLICIES = [
    SHARED,
    Cache(ttl=0, stale=1_000, size=3, shared=True),
    Cache(ttl=0, stale_if_error=1_000, shared=True),
    Cache(ttl=1_000, negative=1_000, size=2, shared=True),
]
users = st.sampled_from(["ann", "bob", "an"])
visits = st.tuples(users, st.sampled_from("12"), st.sampled_from(["a", "b"]), st.none() | st.integers(0, 12))
histories = given(
    policy=st.sampled_from(POLICIES),
    rounds=st.lists(st.lists(visits, max_size=5), max_size=5),
    statuses=st.lists(st.sampled_from([200] * 9 + [404, 403, 503]), min_size=1),
)
random = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def shop(
    app_of: AppOf,
    rounds: Sequence[Sequence[Visit]],
    shared: BestEffortValkey | None = None,
    *,
    policy: Cache = SHARED,
    statuses: Sequence[int] = (200,),
) -> Stub:
    """Concurrent visits in each round; the service responds with these statuses in turn, and is returned."""
    status = cycle(statuses)
    service = Stub(lambda exchange: echo(exchange, next(status)))
    async with Upstream("things", AsgiTransport(service)) as upstream:
        providers: dict[Any, Any] = {**things_at(upstream), Identity: identity}
        app = app_of(shop_page(policy), providers=providers, shared=shared)
        async with app.router.lifespan_context(app):
            for together in rounds:
                await asyncio.gather(*(visit(app, *each) for each in together))
    return service


@histories
@random
def test_no_caller_ever_gets_the_result_of_another(
    app_of: AppOf, policy: Cache, rounds: list[list[Visit]], statuses: list[int]
) -> None:
    asyncio.run(shop(app_of, rounds, policy=policy, statuses=statuses))


@histories
@random
def test_no_caller_ever_gets_the_result_of_another_from_a_shared_store(
    app_of: AppOf, valkey_url: str, policy: Cache, rounds: list[list[Visit]], statuses: list[int]
) -> None:
    async def two_processes() -> None:
        async with BestEffortValkey(valkey_url, timeout=30.0) as one, BestEffortValkey(valkey_url) as other:
            await asyncio.gather(
                *(shop(app_of, rounds, store, policy=policy, statuses=statuses) for store in (one, other))
            )

    asyncio.run(two_processes())


async def test_the_calls_are_as_few_as_isolation_allows(app_of: AppOf) -> None:
    """Without any caching, nothing would be shown."""
    service = await shop(
        app_of,
        [
            [("ann", "1", "a", None), ("bob", "1", "a", None)],
            [("ann", "2", "a", None), ("bob", "1", "a", None)],
        ],
    )

    calls = [(exchange.path, bool(exchange.all(b"authorization"))) for exchange in service.requests]
    assert calls.count((b"/things/a", False)) == 1
    assert calls.count((b"/things/a", True)) == 2 + 4
    assert calls.count((b"/things/derived", False)) == 2


async def test_apps_that_share_a_store_give_each_caller_their_own(app_of: AppOf, valkey_url: str) -> None:
    """What one process has loaded is found by another, which opens the store anew."""
    round_ = [("ann", "1", "a", None), ("bob", "1", "a", None)]
    services = []
    for _ in range(2):
        async with BestEffortValkey(valkey_url, timeout=30.0) as store:
            services.append(await shop(app_of, [round_], store))

    first, second = ([exchange.path for exchange in service.requests] for service in services)
    assert sorted(first) == [b"/things/a"] * 5 + [b"/things/derived"] * 2
    assert second == [b"/things/a"] * 2  # what is not cached at all
