"""Guests, passthrough routes, and the metrics of authentication."""

import pytest

from frontispiece.security import ANONYMOUS, InvalidToken, Verifier
from frontispiece.settings import TokenSettings
from tests.conftest import MakeToken
from tests.frontispiece.conftest import READER, IdentityIn, assert_refused
from tests.support.stub import Stub
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld, World

GUESTS = route_table(
    route(
        "/shown",
        auth="bearer",
        methods=["GET", "POST"],
        guest=True,
        scopes=["shop"],
        rate_limit={"rate": "2/hour", "by": "user"},
    ),
    route("/login/{rest:path}", to="things:/{rest}", auth="passthrough", methods=["GET", "POST"]),
    services={"things": {"audience": "the-things"}},
)


_mounted: list[Stub] = []


def mounted() -> Stub:
    """An app that is mounted in the gateway's process: the latest."""
    _mounted.append(Stub())
    return _mounted[-1]


async def test_a_mounted_service_gets_an_internal_token(
    open_world: OpenWorld, bearer: MakeToken, identity_in: IdentityIn
) -> None:
    http = (await open_world(GUESTS, things=f"app://{__name__}:mounted")).http

    await http.get("/shown", headers=bearer("reader", "shop"))
    assert identity_in(_mounted[-1].last, "the-things") == READER


@pytest.fixture
async def guests(open_world: OpenWorld) -> World:
    """A gateway that shows something to guests, and hands credentials through elsewhere."""
    return await open_world(GUESTS)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_guest_reads_as_anonymous_and_needs_no_scope(
    guests: World, identity_in: IdentityIn, method: str
) -> None:
    assert (await guests.http.request(method, "/shown")).status_code == 200
    assert identity_in(guests.things.last, "the-things") == ANONYMOUS


async def test_a_guest_changes_nothing(guests: World) -> None:
    assert_refused(await guests.http.post("/shown"), 401, "token-missing")
    assert not guests.things.requests


async def test_an_invalid_token_is_no_guest(guests: World, bearer: MakeToken) -> None:
    for header in ("Bearer a.b.c", "Basic cmVhZGVyOng=", ""):
        assert (await guests.http.get("/shown", headers={"Authorization": header})).status_code == 401
    assert_refused(await guests.http.get("/shown", headers=bearer("reader")), 403, "scope-missing")
    assert not guests.things.requests


@pytest.mark.parametrize("users", [True, False])
async def test_responses_to_guests_vary_by_authorization(
    guests: World,
    bearer: MakeToken,
    users: bool,  # noqa: FBT001 (named by pytest)
) -> None:
    answer = await guests.http.get("/shown", headers=bearer("reader", "shop") if users else {})

    assert answer.headers["vary"] == "Authorization"


async def test_guests_are_counted_by_address_apart_from_users(guests: World, bearer: MakeToken) -> None:
    as_guest = [(await guests.http.get("/shown")).status_code for _ in range(3)]
    as_user = [
        (await guests.http.get("/shown", headers=bearer("127.0.0.1", "shop"))).status_code for _ in range(3)
    ]

    assert as_guest == as_user == [200, 200, 429]


# A service that asks for credentials itself.


async def test_a_passthrough_service_gets_the_credentials_and_an_internal_token_beside(
    guests: World, token_settings: TokenSettings
) -> None:
    said = {
        "Authorization": "Basic cmVhZGVyOng=",
        "Cookie": "a=1; __Host-Http-session=s; b=2;__Host-Http-login-0a=l; c=__Host-Http-session=no",
        "X-Internal-Token": "forged",
    }
    await guests.http.post("/login/token", headers=said)

    assert guests.things.last.path == b"/token"
    assert guests.things.last.all(b"authorization") == [b"Basic cmVhZGVyOng="]
    assert guests.things.last.all(b"cookie") == [b"a=1; b=2; c=__Host-Http-session=no"]
    (gateway_token,) = guests.things.last.all(b"x-internal-token")
    assert Verifier(token_settings, "the-things").verify(gateway_token.decode()) == ANONYMOUS
    with pytest.raises(InvalidToken):
        Verifier(token_settings, "things").verify(gateway_token.decode())


async def test_no_service_gets_the_gateways_cookies(guests: World) -> None:
    for cookies in (
        "__Host-Http-session=s; __Host-Http-guest=g; __Host-Http-login-0a=l",
        "__Host-Http-session =s;;",
    ):
        await guests.http.get("/login/a", headers={"Cookie": cookies})

        assert guests.things.last.all(b"cookie") == []


@pytest.mark.parametrize("space", [b"\xa0", b"\x85", b"\xc2\xa0", b"\xe3\x80\x80"])
async def test_no_service_gets_a_cookie_that_resembles_another(guests: World, space: bytes) -> None:
    pairs = [space + b"__Host-id=theirs", b"__Host-id" + space + b"=theirs", space + b"__Host-Http-session=s"]
    cookie = b"; ".join([*pairs, b"list[0]=1", b"bare", b"a=" + space])
    await guests.http.get("/login/a", headers={b"Cookie": cookie})

    (passed,) = guests.things.last.all(b"cookie")
    assert passed.startswith(b"list[0]=1; bare; a=")


async def test_only_passthrough_routes_have_the_gateways_token(edge: World, bearer: MakeToken) -> None:
    await edge.http.get("/things/7")
    await edge.http.get("/mine", headers=bearer("reader"))

    assert all(not exchange.all(b"x-internal-token") for exchange in edge.things.requests)


# What operators see.
