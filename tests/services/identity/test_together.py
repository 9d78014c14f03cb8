"""Concurrent changes, and the deletion of expired rows."""

import asyncio

import pytest
import sqlalchemy as sa

from frontispiece.stores.sql import Database
from services.identity.errors import PasswordChanged
from services.identity.tables import GRANT_RETENTION, delete_expired, metadata
from shop.demo import PASSWORD
from tests.services.identity.conftest import on_both_databases
from tests.services.identity.world import SECRET, World

pytestmark = on_both_databases


async def test_logins_codes_tokens_and_a_changed_password_at_once_never_block_each_other(shop: World) -> None:
    browser = shop.browser()
    token = (await shop.tokens(browser))["refresh_token"]
    codes = [await shop.code(browser) for _ in range(3)]
    login = await browser.get("/authorize", params=shop.parameters(prompt="login"))
    form = await browser.get("/password")

    responses = await asyncio.gather(
        *(browser.submit(login, username="shopper", password=PASSWORD) for _ in range(4)),
        *(browser.get("/authorize", params=shop.parameters()) for _ in range(4)),
        *(shop.redeem(code) for code in codes * 2),
        shop.refresh(token, "web"),
        shop.http.post("/revoke", data={"token": token}, auth=("web", SECRET)),
        browser.submit(form, password=PASSWORD, new_password="a better password"),
        browser.get("/logout", params={"logout_hint": "x"}),
    )

    assert {response.status_code for response in responses} <= {200, 303, 400, 403}


async def test_of_two_concurrent_password_changes_one_succeeds(shop: World) -> None:
    browser = shop.browser()
    await shop.log_in(browser)
    form = await browser.get("/password")
    new = ("the first password", "the second password")

    responses = await asyncio.gather(
        *(browser.submit(form, password=PASSWORD, new_password=password) for password in new)
    )
    tried = [await shop.log_in(shop.browser("198.51.100.7"), password=password) for password in new]

    assert sorted(response.status_code for response in responses) in ([200, 400], [200, 403])
    assert sorted(response.status_code for response in tried) == [303, 400]


async def test_a_password_that_was_changed_after_its_proof_starts_no_login(shop: World) -> None:
    context = shop.app.state.context
    proved = await context.users.named("shopper")
    browser = shop.browser()
    await shop.log_in(browser)
    await browser.submit(await browser.get("/password"), password=PASSWORD, new_password="a better password")

    with pytest.raises(PasswordChanged):
        await context.sso_sessions.start(proved, replaces=None)


async def test_what_is_over_is_swept_and_nothing_else(shop: World) -> None:
    browser = shop.browser()
    phone = (await shop.tokens(browser, "mobile", scope="openid offline_access"))["refresh_token"]
    await shop.log_in(browser, password="wrong", prompt="login")
    url = shop.app.state.context.settings.database_url
    lasts = shop.app.state.context.settings.refresh_token_lifetime

    async with Database(url, metadata) as database:
        await delete_expired(database, shop.clock.now)
        before = await rows(database)
        await delete_expired(database, shop.clock.now + 86_400)
        after_a_day = await rows(database)
        await delete_expired(database, shop.clock.now + lasts + GRANT_RETENTION)
        after_all = await rows(database)

    assert before == {
        "attempts",
        "codes",
        "grants",
        "sso_sessions",
        "refresh_tokens",
        "signing_keys",
        "users",
    }
    assert after_a_day == {"grants", "refresh_tokens", "signing_keys", "users"}
    assert after_all == {"signing_keys", "users"}
    assert (await shop.refresh(phone)).status_code == 400


async def rows(database: Database) -> set[str]:
    """The tables that have rows."""
    async with database.read() as tx:
        counted = {
            table.name: (await tx.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
            for table in metadata.sorted_tables
        }
    return {name for name, count in counted.items() if count}
