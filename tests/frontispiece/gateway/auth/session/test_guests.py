"""Guests: a session begins with the first write, and is merged into the user's at the login."""

import pytest
from valkey.asyncio import Valkey

from frontispiece.gateway.auth.session import layer
from frontispiece.gateway.policies.rate_limit.config import Limit
from frontispiece.security import ANONYMOUS, Identity, Verifier
from frontispiece.settings import TokenSettings
from tests.support.browser import Browser
from tests.support.sessions import GUEST, ORIGIN, SESSION, World, key_of, kind, log_in, until, user
from tests.support.stub import answering

SHOWN = f"{ORIGIN}/web/shown"


def caller_of(header: bytes, settings: TokenSettings, audience: str) -> Identity:
    return Verifier(settings, audience).caller(header.decode())


async def test_a_guest_who_only_reads_has_no_session(
    world: World, browser: Browser, valkey: Valkey, token_settings: TokenSettings
) -> None:
    for method in ["GET", "HEAD"]:
        response = await browser.fetch(SHOWN, method=method, marked=False)

        assert response.status_code == 200, method
        assert "set-cookie" not in response.headers
        assert await valkey.dbsize() == 0
        (header,) = world.things.last.all(b"authorization")
        assert caller_of(header, token_settings, "things") == ANONYMOUS


async def test_a_guest_who_writes_has_a_session_without_the_scopes_of_users(
    world: World, browser: Browser, valkey: Valkey, token_settings: TokenSettings
) -> None:
    first = await browser.fetch(SHOWN, method="POST")
    again = await browser.fetch(SHOWN, method="POST")
    callers = [
        caller_of(exchange.all(b"authorization")[0], token_settings, "things")
        for exchange in world.things.requests
    ]

    assert first.status_code == again.status_code == 200
    assert first.headers["cache-control"] == "no-store"
    assert "set-cookie" not in again.headers
    assert callers[0] == callers[1]
    assert callers[0].is_guest
    assert len(callers[0].subject) == len("guest:") + 22
    assert (callers[0].scopes, callers[0].client) == (frozenset({"guest"}), "web")
    assert 29 * 86_400_000 < await valkey.pttl(key_of(browser)) <= 30 * 86_400_000


async def test_a_guest_may_go_only_where_guests_may(browser: Browser) -> None:
    await browser.fetch(SHOWN, method="POST")

    assert kind(await browser.fetch(f"{ORIGIN}/web/mine")) == (401, "session-missing")
    assert browser.cookie(ORIGIN, GUEST) is not None


async def test_another_sites_page_makes_no_guest(world: World, browser: Browser, valkey: Valkey) -> None:
    for marked, headers, refused in [
        (False, {}, "csrf-header-missing"),
        (True, {"Origin": "https://elsewhere.example"}, "cross-site"),
        (True, {"Sec-Fetch-Site": "same-site"}, "cross-site"),
    ]:
        response = await browser.fetch(SHOWN, method="POST", marked=marked, headers=headers)

        assert kind(response) == (403, refused), (marked, headers, refused)
        assert await valkey.dbsize() == 0
        assert not world.things.requests


async def test_a_flood_of_new_guests_is_held_back(
    world: World, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert layer.NEW_GUESTS.rate == Limit.model_validate({"rate": "60/minute", "by": "address"}).rate
    monkeypatch.setattr(layer, "NEW_GUESTS", Limit.model_validate({"rate": "6/hour", "by": "address"}))
    gateway = await world.gateway()
    responses = [await world.browser(gateway).fetch(SHOWN, method="POST") for _ in range(7)]

    assert [response.status_code for response in responses] == [200] * 6 + [429]
    assert kind(responses[-1]) == (429, "rate-limited")
    assert int(responses[-1].headers["retry-after"]) >= 1
    assert "set-cookie" not in responses[-1].headers
    assert await valkey.dbsize() == 6


async def test_an_ended_session_is_a_guests_and_its_cookie_is_deleted(world: World, reader: Browser) -> None:
    await world.change(reader, ends_at=0.0)
    looks = await reader.fetch(SHOWN)

    assert looks.status_code == 200
    assert looks.headers["cache-control"] == "no-store"
    assert reader.cookie(ORIGIN, SESSION) is None


async def test_an_ended_session_is_replaced_by_a_guests_when_it_writes(world: World, reader: Browser) -> None:
    await world.change(reader, ends_at=0.0)
    changes = await reader.fetch(SHOWN, method="POST")
    stored = await world.session(reader)

    assert changes.status_code == 200
    assert reader.cookie(ORIGIN, SESSION) is None
    assert stored.is_guest


async def test_what_a_guest_had_is_handed_over_at_the_login(
    world: World, browser: Browser, valkey: Valkey, token_settings: TokenSettings
) -> None:
    await browser.fetch(SHOWN, method="POST")
    guest, old = await world.session(browser), key_of(browser)
    await log_in(browser)  # the issuer is another site: the session's strict cookie does not come back
    assert browser.visited[1].startswith(world.issuer.url)
    asked = world.baskets.last
    told = caller_of(asked.all(b"authorization")[0], token_settings, "baskets")

    assert (asked.method, asked.path) == ("POST", b"/baskets/reader/adoption")
    assert told == Identity(
        subject="reader",
        scopes=frozenset({"openid", "profile", "email", "shop"}),
        client="web",
        merged_guest=guest.subject,
    )
    assert not await valkey.exists(old)
    session = await world.session(browser)
    assert session.merged_guest is None
    await browser.fetch(f"{ORIGIN}/web/mine")
    assert len(world.baskets.requests) == 1


async def test_a_guest_without_a_session_has_nothing_to_merge(world: World, browser: Browser) -> None:
    await log_in(browser)
    await log_in(browser)

    assert not world.baskets.requests


@pytest.mark.parametrize("status", [404, 409, 422])
async def test_a_service_that_refuses_has_answered(world: World, browser: Browser, status: int) -> None:
    world.baskets.answer = answering(status, b"{}")
    await browser.fetch(SHOWN, method="POST")
    await log_in(browser)
    session = await world.session(browser)

    assert session.merged_guest is None


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_merge_that_failed_at_the_login_is_retried(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("frontispiece.gateway.auth.session.guest_merge.RETRY_INTERVAL", 0.0)
    world.baskets.answer = answering(status, b"{}")
    await browser.fetch(SHOWN, method="POST")
    guest = await world.session(browser)
    page = await log_in(browser)
    waiting = await world.session(browser)

    assert page.status_code == 200
    assert (await user(browser))["sub"] == "reader"
    assert waiting.merged_guest == guest.subject

    world.baskets.answer = answering(204, b"")

    async def handed_over() -> bool:
        assert (await browser.fetch(f"{ORIGIN}/web/mine")).status_code == 200
        session = await world.session(browser)
        return session.merged_guest is None

    await until(handed_over)


async def test_a_failed_merge_is_not_retried_at_every_call(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontispiece.gateway.auth.session.guest_merge.RETRY_INTERVAL", 600.0)
    world.baskets.answer = answering(503, b"{}")
    await browser.fetch(SHOWN, method="POST")
    await log_in(browser)
    for _ in range(5):
        await browser.fetch(f"{ORIGIN}/web/mine")

    assert len(world.baskets.requests) == 1


async def test_a_second_login_goes_on_merging_for_the_same_user_only(world: World, browser: Browser) -> None:
    world.baskets.answer = answering(503, b"{}")
    await browser.fetch(SHOWN, method="POST")
    guest = await world.session(browser)
    await log_in(browser)
    await log_in(browser)
    again = await world.session(browser)
    world.issuer.user = "clerk"
    await log_in(browser)
    other = await world.session(browser)

    assert again.merged_guest == guest.subject
    assert other.merged_guest is None
