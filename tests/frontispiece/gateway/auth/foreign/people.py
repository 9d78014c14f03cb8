"""What people do at a provider: fill in its pages, with a browser or with a phone."""

import base64
import hashlib
import secrets
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx

from tests.frontispiece.gateway.auth.foreign.conftest import SHOP, Client, Shop
from tests.frontispiece.gateway.auth.foreign.process import ForeignProvider
from tests.support.browser import Browser, origin_of


class _Form(HTMLParser):
    """The form of a page; its first named button is the one that is pressed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = told["action"]
        elif tag in {"input", "button"} and "name" in told:
            self.fields.setdefault(told["name"], told.get("value", ""))


async def fill_in(browser: Browser, shown: httpx.Response, **typed: str) -> httpx.Response:
    """What the browser shows when no page has a form any more."""
    while (form := _Form(shown.text)).action is not None:
        page = str(shown.url)
        filled = {name: typed.get(name, value) for name, value in form.fields.items()}
        shown = await browser.submit(urljoin(page, form.action), filled, start=origin_of(page))
        if shown.is_redirect:
            target = urljoin(str(shown.url), shown.headers["location"])
            shown = await browser.navigate(target, start=origin_of(page))
    return shown


async def log_in(shop: Shop, browser: Browser, name: str = "reader") -> None:
    """Come to the shop's front page, logged in."""
    page = await browser.navigate(shop.at("login?return_to=/"), start=shop.origin)
    shown = await fill_in(browser, page, login=name, password="whatever")
    assert shown.is_success, shown.text
    assert browser.visited[-1] == f"{shop.origin}/"


async def log_out(shop: Shop, browser: Browser, url: str) -> None:
    """Go to the provider's page that logs out, and say yes."""
    shown = await fill_in(browser, await browser.navigate(url, start=shop.origin))
    assert shown.is_success, shown.text


class Phone:
    """An app on a phone, with a client of its own; its web view ends at `HOME`."""

    HOME = "https://phone.example"

    def __init__(self, provider: ForeignProvider, client: Client, home: str) -> None:
        self._provider = provider
        self.client = client
        self._home = home

    @classmethod
    async def of(cls, provider: ForeignProvider, home: str) -> "Phone":
        """A phone that the provider knows; `home` serves whatever it asks for there."""
        client = await provider.register(
            application_type="native",
            redirect_uris=[f"{cls.HOME}/callback"],
            response_types=["code"],
            grant_types=["authorization_code"],
            token_endpoint_auth_method="none",
        )
        return cls(provider, client, home)

    async def headers(self, resource: str | None = SHOP, name: str = "reader") -> dict[str, str]:
        """The Authorization header of its calls, with a new access token for this API."""
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        target = {} if resource is None else {"resource": resource}
        redirect_uri = f"{self.HOME}/callback"
        asked = {
            "client_id": self.client["client_id"],
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "scope": "openid shop",
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        } | target
        code = await self._code(urlencode(asked), name)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        answer = await self._provider.token(form | {"code_verifier": verifier} | target, self.client)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    async def _code(self, query: str, name: str) -> str:
        document = await self._provider.document()
        view = Browser({self.HOME: self._home})
        try:
            page = await view.navigate(f"{document['authorization_endpoint']}?{query}")
            await fill_in(view, page, login=name, password="whatever")
        finally:
            await view.close()
        (code,) = parse_qs(urlsplit(view.visited[-1]).query)["code"]
        return code
