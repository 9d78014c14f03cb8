"""What is kept of pages is given to nobody whom it does not concern."""

import asyncio
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from gateway.page import Cache, Inbound, Page, PageApp, SharedStore
from gateway.upstream import Request, Upstream
from gateway.upstream.mounted import MountedTransport
from kit.problems import Problem
from kit.tokens import Identity
from tests.gateway.page.conftest import AppOf
from tests.support.pages import Things, things_at
from tests.support.stub import Exchange, Stub, answering

SHARED = Cache(ttl=1_000, shared=True)


class Told(Struct):
    """A view: who the service was told that it is for, part by part."""

    public: str
    private: str
    own: str
    derived: str


def identity(inbound: Inbound) -> Identity:
    """Who asks, as its token says: its name before the dot."""
    said = inbound.header("authorization")
    if said is None:
        raise Problem(401, "token-missing")
    return Identity(subject=said.partition(".")[0], scopes=frozenset())


def shop_page() -> Page:
    """A page with every kind of source."""
    page = Page("/shop/{item}", deadline=5.0)

    @page.source(cache=SHARED)
    async def public(item: str, things: Things) -> str:
        return str(await things.thing(item))

    @page.source(cache=SHARED)
    async def private(item: str, things: Things, caller: Identity) -> str:
        return str(await things.thing(item))

    @page.source()
    async def own(item: str, things: Things, caller: Identity) -> str:
        return str(await things.thing(item))

    @page.source(cache=SHARED)
    async def derived(own: str, things: Things) -> str:
        return f"{own} / {await things.thing('derived')}"

    @page.view
    def view(public: str, private: str, own: str, derived: str) -> Told:
        return Told(public, private, own, derived)

    return page


async def echo(exchange: Exchange) -> None:
    """Answer with all that could tell who asks."""
    said = exchange.all(b"authorization") + exchange.all(b"cookie")
    name = b",".join(each.partition(b".")[0] for each in said) or b"nobody"
    await answering(200, b'"%b for %b"' % (exchange.path, name))(exchange)


async def asked(app: PageApp, user: str, token: str, item: str) -> None:
    """Somebody asks, and is told what concerns them and nobody else."""
    headers = [(b"authorization", f"{user}.{token}".encode()), (b"cookie", user.encode())]
    reply = await app.reply(Request(method="GET", target=f"/shop/{item}", headers=headers))
    assert reply is not None
    assert reply.status == 200
    told = msgspec.json.decode(await reply.read(1_000), type=Told)
    assert told == Told(
        public=f"/things/{item} for nobody",
        private=f"/things/{item} for {user}",
        own=f"/things/{item} for {user}",
        derived=f"/things/{item} for {user} / /things/derived for nobody",
    )


Rounds = list[list[tuple[str, str, str]]]

rounds = st.lists(
    st.lists(
        st.tuples(st.sampled_from(["ann", "bob", "an"]), st.sampled_from("12"), st.sampled_from(["a", "b"])),
        max_size=5,
    ),
    max_size=5,
)


async def shop(app_of: AppOf, rounds: Rounds, shared: SharedStore | None = None) -> Stub:
    """In each round all ask at the same time; returns the service."""
    service = Stub(echo)
    async with Upstream("things", MountedTransport(service)) as upstream:
        providers: dict[Any, Any] = {**things_at(upstream), Identity: identity}
        app = app_of(shop_page(), providers=providers, shared=shared)
        async with app.router.lifespan_context(app):
            for together in rounds:
                await asyncio.gather(*(asked(app, *each) for each in together))
    return service


@given(rounds)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nobody_ever_sees_what_is_anothers(app_of: AppOf, rounds: Rounds) -> None:
    asyncio.run(shop(app_of, rounds))


async def test_the_calls_are_as_few_as_that_allows(app_of: AppOf) -> None:
    """Were nothing kept, nothing would be shown."""
    service = await shop(
        app_of, [[("ann", "1", "a"), ("bob", "1", "a")], [("ann", "2", "a"), ("bob", "1", "a")]]
    )

    said = [(exchange.path, bool(exchange.all(b"authorization"))) for exchange in service.asked]
    assert said.count((b"/things/a", False)) == 1
    assert said.count((b"/things/a", True)) == 2 + 4
    assert said.count((b"/things/derived", False)) == 2


async def test_apps_that_share_a_store_give_everybody_their_own(app_of: AppOf, valkey_url: str) -> None:
    """What one process has loaded is found by another, which opens the store anew."""
    visits = [[("ann", "1", "a"), ("bob", "1", "a")]]
    services = []
    for _ in range(2):
        async with SharedStore(valkey_url, answers_within=5.0) as store:
            services.append(await shop(app_of, visits, store))

    first, second = ([exchange.path for exchange in service.asked] for service in services)
    assert sorted(first) == [b"/things/a"] * 5 + [b"/things/derived"] * 2
    assert second == [b"/things/a"] * 2  # what is not kept at all
