"""Many things at once, and what is over."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from kit.db import Database
from kit.demo import PASSWORD
from kit.settings import TokenSettings
from services.identity.errors import Changed
from services.identity.sweeping import KEPT_GRANTS, sweep
from services.identity.tables import metadata
from tests.services.identity.world import SECRET, World, settings, world


@pytest.fixture
async def shop(database_url: str, token_settings: TokenSettings) -> AsyncIterator[World]:
    async with world(settings(database_url, token_settings)) as shop:
        yield shop


async def test_logins_codes_tokens_and_a_changed_password_at_once_never_block_each_other(shop: World) -> None:
    browser = shop.browser()
    token = (await shop.tokens(browser))["refresh_token"]
    codes = [await shop.code(browser) for _ in range(3)]
    login = await browser.get("/authorize", params=shop.asked(prompt="login"))
    form = await browser.get("/password")

    answers = await asyncio.gather(
        *(browser.submit(login, username="shopper", password=PASSWORD) for _ in range(4)),
        *(browser.get("/authorize", params=shop.asked()) for _ in range(4)),
        *(shop.redeem(code) for code in codes * 2),
        shop.refresh(token, "web"),
        shop.http.post("/revoke", data={"token": token}, auth=("web", SECRET)),
        browser.submit(form, password=PASSWORD, new_password="a better password"),
        browser.get("/logout", params={"logout_hint": "x"}),
    )

    assert {answer.status_code for answer in answers} <= {200, 303, 400, 403}


async def test_of_two_who_change_the_password_at_once_one_does(shop: World) -> None:
    browser = shop.browser()
    await shop.log_in(browser)
    form = await browser.get("/password")
    new = ("the first password", "the second password")

    answers = await asyncio.gather(
        *(browser.submit(form, password=PASSWORD, new_password=password) for password in new)
    )
    tried = [await shop.log_in(shop.browser("198.51.100.7"), password=password) for password in new]

    assert sorted(answer.status_code for answer in answers) in ([200, 400], [200, 403])
    assert sorted(answer.status_code for answer in tried) == [303, 400]


async def test_a_password_that_was_changed_after_its_proof_starts_no_login(shop: World) -> None:
    provider = shop.app.state.provider
    proved = await provider.users.named("shopper")
    browser = shop.browser()
    await shop.log_in(browser)
    await browser.submit(await browser.get("/password"), password=PASSWORD, new_password="a better password")

    with pytest.raises(Changed):
        await provider.logins.start(proved, replaces=None)


async def test_what_is_over_is_swept_and_nothing_else(shop: World) -> None:
    browser = shop.browser()
    phone = (await shop.tokens(browser, "mobile", scope="openid offline_access"))["refresh_token"]
    await shop.log_in(browser, password="wrong", prompt="login")
    url = shop.app.state.provider.settings.database_url
    lasts = shop.app.state.provider.settings.refresh_lasts

    async with Database(url, metadata) as database:
        await sweep(database, shop.clock.time)
        before = await rows(database)
        await sweep(database, shop.clock.time + 86_400)
        after_a_day = await rows(database)
        await sweep(database, shop.clock.time + lasts + KEPT_GRANTS)
        after_all = await rows(database)

    assert before == {"attempts", "codes", "grants", "logins", "refresh_tokens", "signing_keys", "users"}
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
