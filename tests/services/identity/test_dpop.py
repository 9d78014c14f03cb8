"""Tokens that are bound to a key of the client's (DPoP, RFC 9449)."""

import httpx
import pytest
import sqlalchemy as sa

from frontispiece.stores import Database
from services.identity.protocol.grants import MAX_SUCCESSORS
from services.identity.tables import delete_expired, dpop_proofs, metadata, refresh_tokens
from tests.services.identity.conftest import MakeSettings, on_both_databases
from tests.services.identity.world import ISSUER, Json, World, clients, parameters_of, world
from tests.support.dpop import ProofKey

OFFLINE = "openid shop offline_access"
TOKEN = f"{ISSUER}/token"
USERINFO = f"{ISSUER}/userinfo"


@pytest.fixture
def key() -> ProofKey:
    """The key of a phone."""
    return ProofKey()


async def bound(shop: World, key: ProofKey, client: str = "mobile", **changes: str | None) -> Json:
    """The tokens of a client that proves its key."""
    code = await shop.code(shop.browser(), client, **{"scope": OFFLINE, **changes})
    response = await shop.redeem(code, client, key.proof("POST", TOKEN, shop.clock.now))
    assert response.status_code == 200, response.text
    body: Json = response.json()
    return body


async def userinfo(shop: World, token: str, proof: str | None, scheme: str = "DPoP") -> httpx.Response:
    """What the provider says of an access token's user to whoever has this proof."""
    headers = {"Authorization": f"{scheme} {token}", **({} if proof is None else {"DPoP": proof})}
    return await shop.http.get("/userinfo", headers=headers)


def error_of(response: httpx.Response) -> tuple[int, str]:
    """The status and the error."""
    return response.status_code, response.json()["error"]


async def test_a_client_that_proves_its_key_gets_tokens_for_it_alone(shop: World, key: ProofKey) -> None:
    body = await bound(shop, key)
    claims = await shop.verified(body["access_token"], "shop")

    assert body["token_type"] == "DPoP"
    assert claims["cnf"] == {"jkt": key.jkt}
    assert "cnf" not in await shop.verified(body["id_token"], "mobile")


async def test_a_client_without_a_proof_gets_bearer_tokens(shop: World) -> None:
    body = await shop.tokens(shop.browser(), "mobile")

    assert body["token_type"] == "Bearer"
    assert "cnf" not in await shop.verified(body["access_token"], "shop")


async def test_the_discovery_document_names_the_algorithms_of_proofs(shop: World) -> None:
    document = (await shop.http.get("/.well-known/openid-configuration")).json()

    assert document["dpop_signing_alg_values_supported"] == ["ES256", "EdDSA"]


async def test_an_invalid_proof_gets_no_tokens_and_costs_no_code(shop: World, key: ProofKey) -> None:
    code = await shop.code(shop.browser(), "mobile")
    for proof in (
        "nonsense",
        key.proof("GET", TOKEN, shop.clock.now),
        key.proof("POST", USERINFO, shop.clock.now),
        key.proof("POST", TOKEN, shop.clock.now - 60),
        key.proof("POST", TOKEN, shop.clock.now, header={"jwk": ProofKey().jwk}),
    ):
        assert error_of(await shop.redeem(code, "mobile", proof)) == (400, "invalid_dpop_proof")

    valid = key.proof("POST", TOKEN, shop.clock.now)
    fields = {"client_id": "mobile", "grant_type": "authorization_code"}
    twice = await shop.http.post("/token", data=fields, headers=[("DPoP", valid), ("DPoP", valid)])
    assert error_of(twice) == (400, "invalid_dpop_proof")
    assert (await shop.redeem(code, "mobile", valid)).status_code == 200


@on_both_databases
async def test_a_proof_is_accepted_once(shop: World, key: ProofKey) -> None:
    proof = key.proof("POST", TOKEN, shop.clock.now)
    codes = [await shop.code(shop.browser(), "mobile") for _ in range(2)]

    assert (await shop.redeem(codes[0], "mobile", proof)).status_code == 200
    assert error_of(await shop.redeem(codes[1], "mobile", proof)) == (400, "invalid_dpop_proof")
    another = ProofKey().proof("POST", TOKEN, shop.clock.now)
    assert (await shop.redeem(codes[1], "mobile", another)).status_code == 200


async def test_refresh_tokens_of_a_phone_are_bound_to_its_key(shop: World, key: ProofKey) -> None:
    token = (await bound(shop, key))["refresh_token"]

    stolen = await shop.refresh(token, proof=ProofKey().proof("POST", TOKEN, shop.clock.now))
    without = await shop.refresh(token)
    mine = await shop.refresh(token, proof=key.proof("POST", TOKEN, shop.clock.now))
    again = await shop.refresh(mine.json()["refresh_token"], proof=key.proof("POST", TOKEN, shop.clock.now))

    assert [error_of(refused) for refused in (stolen, without)] == [(400, "invalid_grant")] * 2
    for response in (mine, again):
        claims = await shop.verified(response.json()["access_token"], "shop")
        assert claims["cnf"] == {"jkt": key.jkt}


async def test_a_phone_that_proves_its_key_can_have_a_lost_answer_again_much_later(
    shop: World, key: ProofKey
) -> None:
    token = (await bound(shop, key))["refresh_token"]
    for _ in range(2):
        shop.clock.now += 3600
        again = await shop.refresh(token, proof=key.proof("POST", TOKEN, shop.clock.now))
        assert again.status_code == 200


async def test_a_used_token_with_a_proof_of_a_new_key_is_refused(shop: World, key: ProofKey) -> None:
    token = (await shop.tokens(shop.browser(), "mobile", scope=OFFLINE))["refresh_token"]
    assert (await shop.refresh(token)).status_code == 200
    shop.clock.now += 60

    thief = await shop.refresh(token, proof=key.proof("POST", TOKEN, shop.clock.now))
    assert error_of(thief) == (400, "invalid_grant")


async def test_a_thief_cannot_bind_a_phone_s_tokens_to_a_key_of_its_own(shop: World, key: ProofKey) -> None:
    token = (await shop.tokens(shop.browser(), "mobile", scope=OFFLINE))["refresh_token"]
    for _ in range(2):
        thief = await shop.refresh(token, proof=key.proof("POST", TOKEN, shop.clock.now))
        assert error_of(thief) == (400, "invalid_grant")
        mine = await shop.refresh(token)
        assert mine.status_code == 200

    assert (await shop.refresh(mine.json()["refresh_token"])).status_code == 200


@on_both_databases
async def test_a_token_that_is_used_again_and_again_leaves_its_latest_successors(
    shop: World, key: ProofKey
) -> None:
    token = (await bound(shop, key))["refresh_token"]
    successors = []
    for _ in range(MAX_SUCCESSORS + 3):
        shop.clock.now += 1
        response = await shop.refresh(token, proof=key.proof("POST", TOKEN, shop.clock.now))
        successors.append(response.json()["refresh_token"])
    url, count = (
        shop.app.state.context.settings.database_url,
        sa.select(sa.func.count(refresh_tokens.c.digest)),
    )
    async with Database(url, metadata) as database, database.read() as tx:
        assert await tx.scalar(count) == 1 + MAX_SUCCESSORS
    proof = key.proof("POST", TOKEN, shop.clock.now)

    assert (await shop.refresh(successors[-MAX_SUCCESSORS], proof=proof)).status_code == 200


async def test_refresh_tokens_of_a_client_with_a_secret_are_bound_by_that(shop: World, key: ProofKey) -> None:
    token = (await bound(shop, key, "web", scope="openid shop"))["refresh_token"]
    other = await shop.refresh(token, "web", ProofKey().proof("POST", TOKEN, shop.clock.now))

    assert (other.status_code, other.json()["token_type"]) == (200, "DPoP")


async def test_a_bound_token_is_worth_nothing_without_its_key(shop: World, key: ProofKey) -> None:
    token = (await bound(shop, key))["access_token"]
    other = (await bound(shop, key))["access_token"]

    def proof(of: ProofKey, **changed: str) -> str:
        return of.proof("GET", USERINFO, shop.clock.now, **{"access_token": token, **changed})

    refused = [
        await userinfo(shop, token, None),
        await userinfo(shop, token, None, "Bearer"),
        await userinfo(shop, token, proof(key), "Bearer"),
        await userinfo(shop, token, proof(ProofKey())),
        await userinfo(shop, token, proof(key, access_token=other)),
        await userinfo(shop, token, key.proof("GET", USERINFO, shop.clock.now)),
        await userinfo(shop, token, key.proof("POST", USERINFO, shop.clock.now, access_token=token)),
    ]
    for response in refused:
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("DPoP error=")
        assert 'algs="ES256 EdDSA"' in response.headers["www-authenticate"]
    once = proof(key)
    assert (await userinfo(shop, token, once)).json()["sub"] == "shopper"
    assert error_of(await userinfo(shop, token, once)) == (401, "invalid_dpop_proof")


async def test_a_bearer_token_is_no_bound_one(shop: World, key: ProofKey) -> None:
    token = (await shop.tokens(shop.browser()))["access_token"]
    proof = key.proof("GET", USERINFO, shop.clock.now, access_token=token)

    assert error_of(await userinfo(shop, token, proof)) == (401, "invalid_dpop_proof")


@on_both_databases
async def test_a_code_may_be_for_one_key_only(shop: World, key: ProofKey) -> None:
    code = await shop.code(shop.browser(), "mobile", dpop_jkt=key.jkt)
    now = shop.clock.now

    stolen = await shop.redeem(code, "mobile", ProofKey().proof("POST", TOKEN, now))
    without = await shop.redeem(code, "mobile")
    assert [error_of(refused) for refused in (stolen, without)] == [(400, "invalid_grant")] * 2
    assert (await shop.redeem(code, "mobile", key.proof("POST", TOKEN, now))).status_code == 200


async def test_a_key_that_is_named_by_no_thumbprint_is_refused(shop: World) -> None:
    for jkt in ("", "short", "x" * 44, "\u00fc" * 43):
        response = await shop.browser().get("/authorize", params=shop.parameters("mobile", dpop_jkt=jkt))
        assert parameters_of(response)["error"] == "invalid_request", jkt


async def test_a_client_may_be_given_bound_tokens_alone(made: MakeSettings, key: ProofKey) -> None:
    changed = clients()
    changed["mobile"]["dpop_bound_access_tokens"] = True
    async with world(made(clients=changed)) as shop:
        code = await shop.code(shop.browser(), "mobile")
        without = await shop.redeem(code, "mobile")

        assert error_of(without) == (400, "invalid_dpop_proof")
        assert (await shop.redeem(code, "mobile", key.proof("POST", TOKEN, shop.clock.now))).is_success


async def test_the_provider_may_ask_for_its_nonce(made: MakeSettings, key: ProofKey) -> None:
    async with world(made(dpop_nonce_lifetime=60)) as shop:
        code = await shop.code(shop.browser(), "mobile")
        asked = await shop.redeem(code, "mobile", key.proof("POST", TOKEN, shop.clock.now))
        nonce = asked.headers["dpop-nonce"]
        answer = await shop.redeem(code, "mobile", key.proof("POST", TOKEN, shop.clock.now, nonce=nonce))
        token = answer.json()["access_token"]

        def proof(nonce: str) -> str:
            return key.proof("GET", USERINFO, shop.clock.now, access_token=token, nonce=nonce)

        shop.clock.now += 61
        expired = await userinfo(shop, token, proof(nonce))
        shown = await userinfo(shop, token, proof(expired.headers["dpop-nonce"]))

    assert [error_of(asked), error_of(expired)] == [(400, "use_dpop_nonce"), (401, "use_dpop_nonce")]
    assert (answer.status_code, shown.status_code) == (200, 200)


async def test_a_proof_is_forgotten_when_it_is_too_old_anyway(made: MakeSettings, key: ProofKey) -> None:
    settings = made()
    async with world(settings) as shop, Database(settings.database_url, metadata) as database:
        await bound(shop, key)
        stored = []
        for now in (shop.clock.now + 59, shop.clock.now + 60):
            await delete_expired(database, now)
            async with database.read() as tx:
                stored.append(len((await tx.execute(dpop_proofs.select())).all()))

    assert stored == [1, 0]
