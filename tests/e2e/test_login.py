"""Logins as browsers and phones have them, at the whole shop, from the first page to the end."""

import asyncio
import base64
import hashlib
import secrets
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx
import pytest
from typer.testing import CliRunner, Result

from frontispiece.cli.main import app as cli
from frontispiece.cli.run import secrets as stored
from frontispiece.login.flow import LoginForm
from frontispiece.security import Identity, Signer
from shop.demo import PASSWORD
from tests.support.browser import Browser
from tests.support.dpop import ProofKey
from tests.support.serving import client_of
from tests.support.shop import PROJECT, ROOT, RunningShop, front, in_both_layouts
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.e2e

REDIRECT = "com.frontispiece.shop:/callback"


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    browser = Browser()
    try:
        yield browser
    finally:
        await browser.close()


async def log_in(browser: Browser, shop: RunningShop, user: str, to: str = "/web/home") -> httpx.Response:
    """Go to the login, fill in the form, and be where it leads to."""
    page = await browser.navigate(f"{shop.url}/web/session/login?return_to={to}", start=shop.url)
    form = LoginForm(page.text)
    assert form.action
    answer = await browser.submit(
        urljoin(browser.visited[-1], form.action), form.filled(user, PASSWORD), start=shop.url
    )
    assert answer.status_code == 303, answer.text
    return await browser.navigate(urljoin(str(answer.url), answer.headers["location"]), start=shop.url)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until it holds."""
    async with asyncio.timeout(TIMEOUT):
        while not await holds():  # noqa: ASYNC110 (it happens in another process)
            await asyncio.sleep(0.05)


class Phone:
    """A phone: it logs in by the system's browser, and keeps tokens, which may be bound to its key."""

    def __init__(self, shop: RunningShop, browser: Browser, key: ProofKey | None = None) -> None:
        self._shop = shop
        self._browser = browser
        self._key = key
        self.access = self.refresh_token = ""

    async def log_in(self, user: str) -> None:
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": "mobile",
            "redirect_uri": REDIRECT,
            "scope": "openid shop offline_access",
            "state": "s",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        page = await self._browser.navigate(f"{self._shop.url}/identity/authorize?{urlencode(asked)}")
        form = LoginForm(page.text)
        assert form.action
        answer = await self._browser.submit(form.action, form.filled(user, PASSWORD), start=self._shop.url)
        assert answer.headers["location"].startswith(f"{REDIRECT}?")
        code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
        got = await self._token(
            grant_type="authorization_code", code=code, code_verifier=verifier, redirect_uri=REDIRECT
        )
        self._keep(got)

    async def refresh(self, refresh_token: str | None = None) -> httpx.Response:
        """The issuer's answer to this refresh token, or the latest; new tokens are kept."""
        got = await self._token(grant_type="refresh_token", refresh_token=refresh_token or self.refresh_token)
        if got.is_success:
            self._keep(got)
        return got

    async def revoke(self) -> None:
        await self._post("revoke", token=self.refresh_token)

    async def get(self, path: str, access: str | None = None) -> httpx.Response:
        scheme = "DPoP" if self._key else "Bearer"
        headers = {"Authorization": f"{scheme} {access or self.access}"}
        headers |= self._proof("GET", path, access_token=access or self.access)
        async with client_of(self._shop.url) as http:
            return await http.get(path, headers=headers)

    def _proof(self, method: str, path: str, access_token: str | None = None) -> dict[str, str]:
        if self._key is None:
            return {}
        return {
            "DPoP": self._key.proof(method, self._shop.url + path, time.time(), access_token=access_token)
        }

    def _keep(self, got: httpx.Response) -> None:
        assert got.is_success, got.text
        self.access, self.refresh_token = got.json()["access_token"], got.json()["refresh_token"]

    async def _token(self, **form: str) -> httpx.Response:
        return await self._post("token", **form)

    async def _post(self, endpoint: str, **form: str) -> httpx.Response:
        async with client_of(self._shop.url) as http:
            path = f"/identity/{endpoint}"
            headers = self._proof("POST", path)
            return await http.post(path, data={"client_id": "mobile", **form}, headers=headers)


@in_both_layouts
async def test_a_browser_fills_a_basket_as_a_guest_and_finds_it_after_the_login(shop: RunningShop) -> None:
    async with a_browser() as browser:
        assert (await browser.fetch(f"{shop.url}/web/session/user")).json() is None
        item = f"{shop.url}/web/basket/items/BIND-007"
        assert (await browser.fetch(item, method="PUT", json={"quantity": 3})).status_code == 200
        assert browser.cookie(shop.url, "__Host-Http-guest") is not None

        landed = await log_in(browser, shop, "clerk")

        assert (landed.status_code, urlsplit(browser.visited[-1]).path) == (200, "/web/home")
        assert browser.cookie(shop.url, "__Host-Http-session") is not None
        basket = (await browser.fetch(f"{shop.url}/web/basket")).json()
        assert browser.cookie(shop.url, "__Host-Http-guest") is None
        assert ("BIND-007", 3) in [(line["sku"], line["quantity"]) for line in basket["lines"]]
        user = (await browser.fetch(f"{shop.url}/web/session/user")).json()
        assert (user["sub"], user["logout_url"]) == ("clerk", "/web/session/logout")
        assert (await browser.fetch(f"{shop.url}/web/orders")).status_code == 200
        assert (await browser.fetch(f"{shop.url}/web/orders", marked=False)).status_code == 403
        await browser.fetch(item, method="DELETE")


async def test_no_answer_to_a_browser_has_a_token_in_it(shop: RunningShop) -> None:
    async with a_browser() as browser:
        await log_in(browser, shop, "reader")
        answers = [
            await browser.fetch(f"{shop.url}{path}")
            for path in ("/web/session/user", "/web/basket", "/web/home")
        ]
        answers.append(await browser.fetch(f"{shop.url}/web/session/logout", method="POST"))

    told = [str(a.headers) + a.text for a in answers] + [
        cookie.value for jar in browser.cookies.values() for cookie in jar.values()
    ]
    assert not [text for text in told if "eyJ" in text], "every JSON Web Token begins so"


async def test_a_logout_ends_the_session_and_leads_to_the_end_of_the_login(shop: RunningShop) -> None:
    async with a_browser() as browser:
        await log_in(browser, shop, "shopper")
        orders = f"{shop.url}/web/orders"
        assert (await browser.fetch(orders)).status_code == 200
        old = browser.cookie(shop.url, "__Host-Http-session")

        told = (await browser.fetch(f"{shop.url}/web/session/logout", method="POST")).json()

        assert (await browser.fetch(orders)).status_code == 401
        assert old is not None
        browser.plant(shop.url, "__Host-Http-session", old)
        assert (await browser.fetch(orders)).status_code == 401
        await browser.navigate(told["logout_url"], start=shop.url)
        assert browser.visited[-1] == f"{shop.url}/"
        again = await browser.navigate(f"{shop.url}/web/session/login", start=shop.url)
        assert LoginForm(again.text).action, "the login is over: a password is wanted"


async def test_a_login_that_ends_at_the_issuer_ends_the_session_here(shop: RunningShop) -> None:
    async with a_browser() as browser:
        await log_in(browser, shop, "shopper")
        user = f"{shop.url}/web/session/user"
        assert (await browser.fetch(user)).json()["sub"] == "shopper"

        asked = await browser.navigate(f"{shop.url}/identity/logout", start=shop.url)
        form = LoginForm(asked.text)
        assert form.action
        await browser.submit(form.action, {**form.fields, "confirmed": "yes"}, start=shop.url)

        async def is_over() -> bool:
            over: bool = (await browser.fetch(user)).json() is None
            return over

        await until(is_over)
        assert (await browser.fetch(f"{shop.url}/web/orders")).status_code == 401


async def test_a_phone_that_logs_out_has_an_access_token_that_opens_nothing(shop: RunningShop) -> None:
    async with a_browser() as system:
        phone = Phone(shop, system)
        await phone.log_in("clerk")
        assert (await phone.get("/mobile/basket")).status_code == 200

        await phone.revoke()

        async def is_refused() -> bool:
            return (await phone.get("/mobile/basket")).status_code == 401

        await until(is_refused)
        assert (await phone.refresh()).json()["error"] == "invalid_grant"


async def test_a_phone_s_bound_tokens_are_of_no_use_without_its_key(shop: RunningShop) -> None:
    async with a_browser() as system:
        phone = Phone(shop, system, ProofKey())
        await phone.log_in("reader")
        assert [(await phone.get("/mobile/basket")).status_code for _ in range(2)] == [200, 200]
        assert (await phone.refresh()).is_success
        assert (await phone.get("/mobile/basket")).status_code == 200

        for key in (None, ProofKey()):
            thief = Phone(shop, system, key)
            thief.access, thief.refresh_token = phone.access, phone.refresh_token
            assert (await thief.get("/mobile/basket")).status_code == 401
            assert not (await thief.refresh()).is_success
        assert (await phone.refresh()).is_success, "a thief's attempt does not end it"


async def test_a_login_is_renewed_where_a_link_asks_for_it(shop: RunningShop) -> None:
    async with a_browser() as browser:
        await log_in(browser, shop, "shopper")
        login = f"{shop.url}/web/session/login?return_to=/web/home"

        await browser.navigate(f"{login}&max_age=3600", start=shop.url)
        assert urlsplit(browser.visited[-1]).path == "/web/home", "the login is recent enough"
        again = await browser.navigate(f"{login}&max_age=0", start=shop.url)
        assert LoginForm(again.text).action, "a password is wanted"
        await browser.navigate(f"{login}&prompt=none", start=shop.url)
        assert urlsplit(browser.visited[-1]).path == "/web/home"
        assert (await browser.fetch(f"{shop.url}/web/session/user")).json()["sub"] == "shopper"

    async with a_browser() as stranger:
        landed = await stranger.navigate(f"{login}&prompt=none", start=shop.url)
        assert (landed.status_code, urlsplit(stranger.visited[-1]).path) == (200, "/web/home")
        assert (await stranger.fetch(f"{shop.url}/web/session/user")).json() is None


async def test_what_services_believe_is_of_no_use_outside(shop: RunningShop) -> None:
    signer = Signer(stored.load(PROJECT, shop.data)["GATEWAY_SIGNING_KEY"], "gateway")
    reader = Identity(subject="reader", scopes=frozenset({"shop"}), client="mobile")
    internal = signer.authorization(reader, "bff-mobile").decode()
    made_up = [
        {"Authorization": internal},
        {"X-Internal-Token": internal.removeprefix("Bearer ")},
        {"X-User": "reader", "X-Forwarded-User": "reader", "X-Auth-Request-User": "reader"},
    ]

    async with client_of(shop.url) as http:
        for headers in made_up:
            assert (await http.get("/mobile/basket", headers=headers)).status_code == 401, headers


def test_the_command_line_gets_a_phones_token_and_a_browsers_cookie(
    shops: Callable[[str], RunningShop],
) -> None:
    url = shops("one-process").url
    command = front("login", "shopper", "--url", url)
    token = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    cookie = front_here("login", "shopper", "--session", "--url", url).stdout.strip()
    wrong = front_here("login", "shopper", "--password", "not the password", "--url", url)

    by_phone = httpx.get(f"{url}/mobile/basket", headers={"Authorization": f"Bearer {token}"}, timeout=60)
    by_browser = httpx.get(f"{url}/web/orders", headers={"Cookie": cookie, "X-CSRF": "1"}, timeout=60)
    assert (by_phone.status_code, by_browser.status_code) == (200, 200)
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert wrong.stderr.strip()


@pytest.mark.parametrize("path", ["/web/basket", "/mobile/basket"])
def test_a_page_of_a_user_is_explained_after_a_login(shops: Callable[[str], RunningShop], path: str) -> None:
    done = front_here("explain", path, "--user", "reader", "--url", shops("one-process").url)

    assert done.exit_code == 0, done.stderr
    assert "GET /basket" in done.stdout


def front_here(*arguments: str) -> Result:
    """The `front` command, run in this process."""
    return CliRunner(env={"COLUMNS": "500"}).invoke(cli, [*arguments, "--project", str(ROOT)])
