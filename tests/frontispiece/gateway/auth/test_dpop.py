"""Bound access tokens (RFC 9449): a call has to prove that it has the key, each call anew."""

import time
from typing import Any

import httpx
import pytest

from frontispiece.errors import ConfigError
from frontispiece.gateway.app import GatewaySettings
from frontispiece.gateway.auth.oidc import Provider
from frontispiece.gateway.auth.session import SessionSettings
from frontispiece.security import InvalidToken
from tests.frontispiece.conftest import assert_refused
from tests.support.dpop import ProofKey
from tests.support.issuer import Issuer
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld, World

ROUTES = route_table(
    route("/mine", auth="bearer"), route("/{name}/it", auth="bearer", methods=["GET", "POST"])
)
ORIGIN = "https://shop.example"


class Client:
    """A client with a key of its own, and an access token that is bound to it."""

    def __init__(self, world: World, issuer: Issuer, algorithm: str = "ES256", **claims: Any) -> None:
        self.world = world
        self.key = ProofKey(algorithm)
        self.token = issuer.token("reader", "shop", **{"cnf": {"jkt": self.key.jkt}, **claims})

    def proof(self, path: str = "/mine", *, method: str = "GET", origin: str = ORIGIN, **changed: Any) -> str:
        """A proof for a call; None leaves a claim out."""
        usual: dict[str, Any] = {"now": time.time(), "access_token": self.token}
        return self.key.proof(method, origin + path, **(usual | changed))

    async def send(
        self,
        *proofs: str,
        method: str = "GET",
        path: str = "/mine",
        scheme: str = "DPoP",
        host: str | None = None,
    ) -> httpx.Response:
        """The response to a call with these proofs."""
        fields = [("Authorization", f"{scheme} {self.token}"), *(("DPoP", proof) for proof in proofs)]
        fields += [("Host", host)] if host else []
        return await self.world.http.request(method, path, headers=fields)


@pytest.fixture
async def world(open_world: OpenWorld) -> World:
    return await open_world(ROUTES, origins=(ORIGIN, "http://m.shop.example:8080"))


@pytest.fixture
def client(world: World, issuer: Issuer) -> Client:
    return Client(world, issuer)


def refused(response: httpx.Response, kind: str = "dpop-proof-invalid") -> str:
    """The challenge of a refusal."""
    challenge = assert_refused(response, 401, kind)
    assert challenge.startswith('DPoP error="')
    assert challenge.endswith('algs="ES256 EdDSA"')
    return challenge


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
async def test_a_bound_token_passes_with_a_proof(world: World, issuer: Issuer, algorithm: str) -> None:
    client = Client(world, issuer, algorithm)

    assert [(await client.send(client.proof())).status_code for _ in range(2)] == [200, 200]
    post = client.proof("/caf%C3%A9/it", method="POST")
    assert (await client.send(post, method="POST", path="/caf%C3%A9/it?a=b")).status_code == 200


async def test_services_get_neither_the_token_nor_the_proof(world: World, client: Client) -> None:
    await client.send(client.proof())

    assert world.things.last.all(b"dpop") == []
    (header,) = world.things.last.all(b"authorization")
    assert client.token.encode() not in header


@pytest.mark.parametrize("warm", [True, False], ids=["known", "unknown"])
async def test_a_bound_token_is_no_bearer_token(world: World, client: Client, *, warm: bool) -> None:
    if warm:
        assert (await client.send(client.proof())).status_code == 200
    seen = len(world.things.requests)

    for scheme, proofs in [("Bearer", [client.proof()]), ("bearer", []), ("Bearer  ", [client.proof()])]:
        assert_refused(await client.send(*proofs, scheme=scheme), 401, "token-invalid")
    assert len(world.things.requests) == seen


async def test_a_bearer_token_is_no_bound_token(world: World, issuer: Issuer) -> None:
    client = Client(world, issuer, cnf=None)
    assert (await client.send(scheme="Bearer")).status_code == 200

    assert "not bound" in refused(await client.send(client.proof()), "token-invalid")


async def test_what_a_bound_token_lacks_is_in_the_challenge_of_its_scheme(
    open_world: OpenWorld, issuer: Issuer
) -> None:
    routes = [
        route("/scoped", auth="bearer", scopes=["admin"]),
        route("/recent", auth="bearer", max_age="5m"),
    ]
    client = Client(await open_world(route_table(*routes), origins=(ORIGIN,)), issuer)
    scoped = await client.send(client.proof("/scoped"), path="/scoped")
    recent = await client.send(client.proof("/recent"), path="/recent")

    assert scoped.headers["www-authenticate"] == 'DPoP error="insufficient_scope", scope="admin"'
    assert recent.headers["www-authenticate"].startswith('DPoP error="insufficient_user_authentication"')


async def test_a_proof_is_accepted_once(client: Client) -> None:
    proof = client.proof()
    assert (await client.send(proof)).status_code == 200

    assert "used before" in refused(await client.send(proof))
    again = client.proof(jti="one"), client.proof(jti="one", iat=int(time.time()) - 1)
    assert (await client.send(again[0])).status_code == 200
    assert "used before" in refused(await client.send(again[1]))


async def test_a_proof_that_was_used_is_known_to_the_next_table(world: World, client: Client) -> None:
    proof = client.proof()
    assert (await client.send(proof)).status_code == 200
    await world.serve_table(route_table(route("/mine", auth="bearer", timeout="9s")))

    assert "used before" in refused(await client.send(proof))


async def test_there_is_one_proof(client: Client) -> None:
    assert "no DPoP proof, or several" in refused(await client.send())
    assert "no DPoP proof, or several" in refused(await client.send(client.proof(), client.proof()))


async def test_a_proof_is_for_this_call(world: World, client: Client) -> None:
    cases: list[dict[str, Any]] = [
        {"method": "POST"},
        {"path": "/other"},
        {"origin": "http://shop.example"},
        {"access_token": "another"},
        {"access_token": None},
        {"now": time.time() - 300},
        {"header": {"jwk": None}},
    ]
    for changed in cases:
        refused(await client.send(client.proof(**changed)))
        assert not world.things.requests, changed


async def test_what_is_no_proof_is_refused(client: Client) -> None:
    for proof in ["", "é", "a" * 5000]:
        headers = {b"Authorization": f"DPoP {client.token}".encode(), b"DPoP": proof.encode("latin-1")}

        refused(await client.world.http.get("/mine", headers=headers))


async def test_a_proof_by_another_key_is_refused(world: World, issuer: Issuer, client: Client) -> None:
    thief = Client(world, issuer)
    thief.token = client.token

    assert "another key" in refused(await thief.send(thief.proof()))


async def test_a_proof_for_another_server_is_refused_whatever_the_host_says(client: Client) -> None:
    stolen = client.proof(origin="http://evil.example")

    for host in (None, "evil.example", "shop.example"):
        assert "another URL" in refused(await client.send(stolen, host=host))


async def test_each_origin_of_the_gateway_has_its_own_proofs(client: Client) -> None:
    mobile = "http://m.shop.example:8080"

    assert (await client.send(client.proof(origin=mobile), host="M.shop.example:8080")).status_code == 200
    refused(await client.send(client.proof(origin=mobile)))
    refused(await client.send(client.proof(), host="m.shop.example:8080"))


async def test_a_gateway_without_an_origin_accepts_no_proof(open_world: OpenWorld, issuer: Issuer) -> None:
    world = await open_world(ROUTES)
    client = Client(world, issuer)

    assert "GATEWAY_ORIGINS" in refused(await client.send(client.proof(origin=world.url)))


async def test_a_token_that_is_bound_otherwise_is_refused(world: World, issuer: Issuer) -> None:
    for bound in [{"x5t#S256": "AAAA"}, {"jkt": 7}, {}, "key", {"jkt": "a", "x5t#S256": "b"}]:
        client = Client(world, issuer, cnf=bound)

        for scheme in ("DPoP", "Bearer"):
            response = await client.send(client.proof(), scheme=scheme)
            assert "not supported" in assert_refused(response, 401, "token-invalid"), bound


async def test_bound_tokens_can_be_demanded(issuer: Issuer) -> None:
    settings = issuer.settings.model_copy(update={"require_dpop": True})
    async with Provider(settings) as provider:
        access = provider.access_tokens()
        await access.verify(issuer.token("reader", cnf={"jkt": "a"}))
        with pytest.raises(InvalidToken, match="not bound"):
            await access.verify(issuer.token("reader"))


def test_the_origin_of_sessions_is_the_gateway_s_unless_others_are_set() -> None:
    session = SessionSettings(origin=ORIGIN)

    assert GatewaySettings().own_origins == []
    assert GatewaySettings(session=session).own_origins == [ORIGIN]
    assert GatewaySettings(session=session, origins=["https://a.example"]).own_origins == [
        "https://a.example"
    ]


@pytest.mark.parametrize(
    "origin", ["shop.example", "https://shop.example/", "http://shop.example", "off", ""]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ConfigError, match="GATEWAY_ORIGINS"):
        GatewaySettings(origins=[origin])
