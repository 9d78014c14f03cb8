"""Guests: nothing is kept of who only looks; who fills a basket has it, and has it still after a login."""

import pytest
import valkey.asyncio

from gateway.session.record import Session
from kit.settings import TokenSettings
from kit.tokens import NOBODY, Identity, Verifier
from tests.gateway.session.conftest import ORIGIN, SESSION, World, key_of, kind, log_in, until, user
from tests.support.browser import Browser
from tests.support.stub import answering

SHOWN = f"{ORIGIN}/web/shown"


def caller_of(header: bytes, settings: TokenSettings, audience: str) -> Identity:
    return Verifier(settings, audience).caller(header.decode())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_of_who_only_looks_nothing_is_kept(
    world: World, browser: Browser, kept: valkey.asyncio.Valkey, token_settings: TokenSettings, method: str
) -> None:
    answer = await browser.fetch(SHOWN, method=method, marked=False)

    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert await kept.dbsize() == 0
    (header,) = world.things.last.all(b"authorization")
    assert caller_of(header, token_settings, "things") == NOBODY


async def test_who_changes_something_is_remembered_as_a_guest_without_the_scopes_of_users(
    world: World, browser: Browser, kept: valkey.asyncio.Valkey, token_settings: TokenSettings
) -> None:
    first = await browser.fetch(SHOWN, method="POST")
    again = await browser.fetch(SHOWN, method="POST")
    callers = [
        caller_of(exchange.all(b"authorization")[0], token_settings, "things")
        for exchange in world.things.asked
    ]

    assert first.status_code == again.status_code == 200
    assert first.headers["cache-control"] == "no-store"
    assert "set-cookie" not in again.headers
    assert callers[0] == callers[1]
    assert callers[0].is_guest
    assert len(callers[0].subject) == len("guest:") + 22
    assert (callers[0].scopes, callers[0].client) == (frozenset({"guest"}), "web")
    assert 29 * 86_400_000 < await kept.pttl(key_of(browser)) <= 30 * 86_400_000


async def test_two_guests_are_not_the_same(world: World, browser: Browser) -> None:
    other = world.browser(browser.addresses[ORIGIN])
    await browser.fetch(SHOWN, method="POST")
    await other.fetch(SHOWN, method="POST")
    one, two = await world.kept(browser), await world.kept(other)

    assert one is not None
    assert two is not None
    assert one.subject != two.subject


async def test_a_guest_may_go_only_where_guests_may(browser: Browser) -> None:
    await browser.fetch(SHOWN, method="POST")

    assert kind(await browser.fetch(f"{ORIGIN}/web/mine")) == (401, "session-missing")
    assert browser.cookie(ORIGIN, SESSION) is not None


@pytest.mark.parametrize(
    ("marked", "headers", "refused"),
    [
        (False, {}, "csrf-header-missing"),
        (True, {"Origin": "https://elsewhere.example"}, "cross-site"),
        (True, {"Sec-Fetch-Site": "same-site"}, "cross-site"),
    ],
)
async def test_another_sites_page_makes_no_guest(
    world: World,
    browser: Browser,
    kept: valkey.asyncio.Valkey,
    *,
    marked: bool,
    headers: dict[str, str],
    refused: str,
) -> None:
    answer = await browser.fetch(SHOWN, method="POST", marked=marked, headers=headers)

    assert kind(answer) == (403, refused)
    assert await kept.dbsize() == 0
    assert not world.things.asked


async def test_a_flood_of_new_guests_is_held_back(
    world: World, browser: Browser, kept: valkey.asyncio.Valkey
) -> None:
    answers = [await world.browser(browser.addresses[ORIGIN]).fetch(SHOWN, method="POST") for _ in range(62)]

    assert [answer.status_code for answer in answers[:60]] == [200] * 60
    assert kind(answers[-1]) == (429, "rate-limited")
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert "set-cookie" not in answers[-1].headers
    assert await kept.dbsize() <= 61


async def test_an_ended_session_is_a_guest_where_guests_may_come_and_its_cookie_goes(
    world: World, browser: Browser
) -> None:
    await log_in(browser)
    await world.change(browser, ends=0.0)
    looks = await browser.fetch(SHOWN)

    assert looks.status_code == 200
    assert looks.headers["cache-control"] == "no-store"
    assert browser.cookie(ORIGIN, SESSION) is None


async def test_an_ended_session_that_changes_something_becomes_a_guests(
    world: World, browser: Browser
) -> None:
    await log_in(browser)
    ended = browser.cookie(ORIGIN, SESSION)
    await world.change(browser, ends=0.0)
    changes = await browser.fetch(SHOWN, method="POST")
    kept: Session | None = await world.kept(browser)

    assert changes.status_code == 200
    assert browser.cookie(ORIGIN, SESSION) not in {None, ended}
    assert kept is not None
    assert kept.is_guest


async def test_what_a_guest_had_is_handed_over_at_the_login(
    world: World, browser: Browser, kept: valkey.asyncio.Valkey, token_settings: TokenSettings
) -> None:
    await browser.fetch(SHOWN, method="POST")
    guest, old = await world.kept(browser), key_of(browser)
    await log_in(browser)
    asked = world.baskets.last
    told = caller_of(asked.all(b"authorization")[0], token_settings, "baskets")

    assert guest is not None
    assert (asked.method, asked.path) == ("POST", b"/baskets/reader/adoption")
    assert told == Identity(
        subject="reader",
        scopes=frozenset({"openid", "profile", "email", "shop"}),
        client="web",
        adopts=guest.subject,
    )
    assert not await kept.exists(old)
    session = await world.kept(browser)
    assert session is not None
    assert session.adopts is None
    await browser.fetch(f"{ORIGIN}/web/mine")
    assert len(world.baskets.asked) == 1


async def test_a_guest_whose_strict_cookie_does_not_come_back_with_the_login_is_not_forgotten(
    world: World, browser: Browser
) -> None:
    await browser.fetch(SHOWN, method="POST")
    await log_in(browser)  # the issuer is another site: only the login's own cookie comes back

    assert browser.visited[1].startswith(world.issuer.url)
    assert len(world.baskets.asked) == 1


async def test_who_had_nothing_has_nothing_to_hand_over(world: World, browser: Browser) -> None:
    await log_in(browser)
    await log_in(browser)

    assert not world.baskets.asked


@pytest.mark.parametrize("status", [404, 409, 422])
async def test_a_service_that_refuses_has_answered(world: World, browser: Browser, status: int) -> None:
    world.baskets.answer = answering(status, b"{}")
    await browser.fetch(SHOWN, method="POST")
    await log_in(browser)
    session = await world.kept(browser)

    assert session is not None
    assert session.adopts is None


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_service_that_is_down_at_the_login_is_told_later(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("gateway.session.adoption.TRIED_EVERY", 0.0)
    browser.addresses[ORIGIN] = await world.gateway()
    world.baskets.answer = answering(status, b"{}")
    await browser.fetch(SHOWN, method="POST")
    guest = await world.kept(browser)
    page = await log_in(browser)
    waiting = await world.kept(browser)

    assert page.status_code == 200
    assert (await user(browser))["sub"] == "reader"
    assert guest is not None
    assert waiting is not None
    assert waiting.adopts == guest.subject

    world.baskets.answer = answering(204, b"")

    async def handed_over() -> bool:
        assert (await browser.fetch(f"{ORIGIN}/web/mine")).status_code == 200
        session = await world.kept(browser)
        return session is not None and session.adopts is None

    await until(handed_over)


async def test_a_service_that_is_down_is_not_asked_at_every_call(world: World, browser: Browser) -> None:
    world.baskets.answer = answering(503, b"{}")
    await browser.fetch(SHOWN, method="POST")
    await log_in(browser)
    for _ in range(5):
        await browser.fetch(f"{ORIGIN}/web/mine")

    assert len(world.baskets.asked) == 1


async def test_a_login_anew_goes_on_with_what_is_left_for_the_same_user_alone(
    world: World, browser: Browser
) -> None:
    world.baskets.answer = answering(503, b"{}")
    await browser.fetch(SHOWN, method="POST")
    guest = await world.kept(browser)
    await log_in(browser)
    await log_in(browser)
    again = await world.kept(browser)
    world.issuer.user = "clerk"
    await log_in(browser)
    other = await world.kept(browser)

    assert guest is not None
    assert again is not None
    assert other is not None
    assert again.adopts == guest.subject
    assert other.adopts is None
