"""Refresh tokens: rotated, lost, reused, revoked."""

import asyncio

import pytest
import sqlalchemy as sa

from frontispiece.stores.sql import Database
from services.identity.tables import grants, metadata
from tests.services.identity.conftest import on_both_databases
from tests.services.identity.world import Json, World
from tests.services.support import until_read

OFFLINE = "openid shop offline_access"


async def phone(shop: World) -> Json:
    """The tokens of a phone."""
    return await shop.tokens(shop.browser(), "mobile", scope=OFFLINE)


async def good(shop: World, token: str, client: str = "mobile") -> str:
    """The successor of a refresh token that is good."""
    response = await shop.refresh(token, client)
    assert response.status_code == 200, response.text
    return str(response.json()["refresh_token"])


async def is_over(shop: World, token: str, client: str = "mobile") -> bool:
    """Whether a refresh token is refused."""
    response = await shop.refresh(token, client)
    assert response.status_code == 200 or response.json()["error"] == "invalid_grant"
    return response.status_code == 400


@on_both_databases
async def test_each_use_gives_another_and_access_tokens_of_the_same_grant(shop: World) -> None:
    first = await phone(shop)
    shop.clock.now += 200
    response = (await shop.refresh(first["refresh_token"])).json()

    before = await shop.verified(first["access_token"], "shop")
    after = await shop.verified(response["access_token"], "shop")
    assert response["refresh_token"] != first["refresh_token"]
    assert {name: after[name] - before[name] for name in ("iat", "exp", "auth_time")} == {
        "iat": 200,
        "exp": 200,
        "auth_time": 0,
    }
    assert (after["sid"], after["sub"]) == (before["sid"], before["sub"])
    assert (await shop.verified(response["id_token"], "mobile"))["sid"] == after["sid"]


async def test_a_lost_answer_can_be_had_again_within_half_a_minute(shop: World) -> None:
    token = (await phone(shop))["refresh_token"]
    lost = await good(shop, token)
    shop.clock.now += 29.9
    again = await good(shop, token)

    assert again != lost
    assert not await is_over(shop, again)


async def test_after_half_a_minute_a_used_token_ends_its_family(shop: World) -> None:
    token = (await phone(shop))["refresh_token"]
    successor = await good(shop, token)
    shop.clock.now += 30

    assert await is_over(shop, token)
    assert await is_over(shop, successor)


async def test_a_client_with_a_secret_can_have_a_lost_answer_again_until_it_uses_the_next(
    shop: World,
) -> None:
    token = (await shop.tokens(shop.browser()))["refresh_token"]
    await good(shop, token, "web")
    shop.clock.now += 3600
    successor = await good(shop, token, "web")
    newest = await good(shop, successor, "web")

    assert await is_over(shop, token, "web")
    assert await is_over(shop, newest, "web")


@pytest.mark.parametrize("identity_url", ["postgresql"], indirect=True)
async def test_a_use_that_waited_for_the_database_can_be_repeated_as_long_as_any(shop: World) -> None:
    token = (await phone(shop))["refresh_token"]
    async with Database(shop.app.state.context.settings.database_url, metadata) as database:
        async with database.write() as tx:
            await tx.execute(sa.select(grants).with_for_update())
            slow = asyncio.ensure_future(good(shop, token))
            waiting = sa.text(
                "SELECT true FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            await until_read(lambda: tx.scalar(waiting), is_=True)
            shop.clock.now += 60
        await slow

    assert await good(shop, token)


@on_both_databases
async def test_once_a_successor_is_used_its_parent_ends_the_family(shop: World) -> None:
    token = (await phone(shop))["refresh_token"]
    newest = await good(shop, await good(shop, token))

    assert await is_over(shop, token)
    assert await is_over(shop, newest)


async def test_of_two_successors_only_one_may_be_used(shop: World) -> None:
    token = (await phone(shop))["refresh_token"]
    mine, thiefs = await good(shop, token), await good(shop, token)
    newest = await good(shop, mine)

    assert await is_over(shop, thiefs)
    assert await is_over(shop, newest)


async def test_a_token_far_back_in_its_family_still_ends_it(shop: World) -> None:
    first = token = (await phone(shop))["refresh_token"]
    for _ in range(5):
        shop.clock.now += 60
        token = await good(shop, token)

    assert await is_over(shop, first)
    assert await is_over(shop, token)


@on_both_databases
async def test_one_token_sent_many_times_at_once_leaves_a_family_that_goes_on(shop: World) -> None:
    token = (await phone(shop))["refresh_token"]
    successors = await asyncio.gather(*(good(shop, token) for _ in range(6)))

    assert len(set(successors)) == 6
    assert not await is_over(shop, successors[3])


@on_both_databases
async def test_of_siblings_used_at_the_same_instant_the_family_ends(shop: World) -> None:
    token = (await phone(shop))["refresh_token"]
    siblings = [await good(shop, token), await good(shop, token)]
    responses = await asyncio.gather(*(shop.refresh(sibling) for sibling in siblings))

    assert sorted(response.status_code for response in responses) == [200, 400]
    (winner,) = [response.json()["refresh_token"] for response in responses if response.status_code == 200]
    assert await is_over(shop, winner)


async def test_a_family_ends_for_good_however_often_it_was_refreshed(shop: World) -> None:
    token = (await phone(shop))["refresh_token"]
    for _ in range(3):
        shop.clock.now += 10 * 86_400 - 1
        token = await good(shop, token)
    shop.clock.now += 3

    assert await is_over(shop, token)


async def test_another_client_can_neither_use_nor_end_a_family(shop: World) -> None:
    token = (await phone(shop))["refresh_token"]

    assert await is_over(shop, token, "web")
    assert (await shop.http.post("/revoke", data={"client_id": "mobile", "token": "nonsense"})).is_success
    foreign = await shop.http.post("/revoke", data={"token": token}, auth=("web", "wrong"))
    assert foreign.status_code == 401
    assert not await is_over(shop, token)


async def test_a_scope_may_be_narrowed_for_once_but_never_widened(shop: World) -> None:
    token = (await phone(shop))["refresh_token"]
    wider = await shop.refresh(token, scope="openid shop profile")
    shop.clock.now += 31  # a refusal did not use it up
    narrow = await shop.refresh(token, scope="shop")
    full = await shop.refresh(narrow.json()["refresh_token"])

    assert (wider.status_code, wider.json()["error"]) == (400, "invalid_scope")
    assert (narrow.json()["scope"], "id_token" in narrow.json()) == ("shop", False)
    assert full.json()["scope"] == OFFLINE
    refused = await shop.userinfo(narrow.json()["access_token"])
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")


async def test_revoking_one_phone_leaves_the_other_and_the_web_as_they_are(shop: World) -> None:
    browser = shop.browser()
    web = (await shop.tokens(browser))["refresh_token"]
    mine, other = [await shop.tokens(browser, "mobile", scope=OFFLINE) for _ in range(2)]

    revoked = await shop.http.post(
        "/revoke",
        data={"client_id": "mobile", "token": mine["refresh_token"], "token_type_hint": "access_token"},
    )
    access = await shop.http.post("/revoke", data={"client_id": "mobile", "token": other["access_token"]})

    assert (revoked.status_code, revoked.content) == (200, b"")
    assert access.json()["error"] == "unsupported_token_type"
    assert await is_over(shop, mine["refresh_token"])
    assert (await shop.userinfo(mine["access_token"])).status_code == 401
    assert not await is_over(shop, other["refresh_token"])
    assert not await is_over(shop, web, "web")


async def test_no_secret_is_stored_in_plain(shop: World) -> None:
    browser = shop.browser()
    body = await shop.tokens(browser, "mobile", scope=OFFLINE)
    secrets = [*body["refresh_token"].split("."), browser.cookies["__Host-Http-identity"]]

    kept = await everything(shop)
    assert "shopper" in kept
    assert not [secret for secret in secrets if secret in kept]
    assert "PRIVATE KEY" not in kept


async def everything(shop: World) -> str:
    """All that is in the database, as text."""
    async with (
        Database(shop.app.state.context.settings.database_url, metadata) as database,
        database.read() as tx,
    ):
        rows = [await tx.execute(table.select()) for table in metadata.sorted_tables]
        return "\n".join(str(row) for result in rows for row in result)
