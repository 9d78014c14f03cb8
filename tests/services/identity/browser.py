"""A browser without JavaScript: cookies, redirects that it stops at, and forms as they stand on pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from types import MappingProxyType
from typing import Any

import httpx

from frontispiece.http.asgi import App, Receive, Scope, Send

PREFIX = "/identity"


class Public:
    """The app as the world sees it: below the issuer's path, as a gateway passes it on."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on without the path's beginning."""
        assert scope["path"].startswith(PREFIX), scope["path"]
        await self._app({**scope, "path": scope["path"].removeprefix(PREFIX)}, receive, send)


@dataclass
class Form:
    """A form as it stands on a page."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.labels: set[str] = set()
        self.shown: list[dict[str, str]] = []
        self.alerts: list[str] = []
        self._alert = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        self._alert = about.get("role") == "alert"
        if tag == "form":
            self.forms.append(Form(action=about["action"], method=about["method"]))
        elif tag == "a":
            self.links.append(about["href"])
        elif tag == "label":
            self.labels.add(about["for"])
        elif tag == "input":
            self.forms[-1].fields[about["name"]] = about.get("value", "")
            if about["type"] != "hidden":
                self.shown.append(about)

    def handle_data(self, data: str) -> None:
        if self._alert and data.strip():
            self.alerts.append(data.strip())


def page(response: httpx.Response) -> _Page:
    """What stands on a page."""
    read = _Page()
    read.feed(response.text)
    return read


class Browser:
    """One browser of one person, at an address; it says of its forms where they were as real ones do."""

    def __init__(self, app: App, base: str, address: str = "203.0.113.1") -> None:
        transport = httpx.ASGITransport(Public(app), client=(address, 50_000))
        self._http = httpx.AsyncClient(transport=transport, base_url=base)
        self.cookies: dict[str, str] = {}
        self.attributes: dict[str, str] = {}

    async def get(self, url: str, **more: Any) -> httpx.Response:
        """Go to an address."""
        return await self._send("GET", url, **more)

    async def post(self, url: str, fields: dict[str, str], **more: Any) -> httpx.Response:
        """Send a form, wherever it may come from."""
        return await self._send("POST", url, data=fields, **more)

    async def submit(
        self,
        response: httpx.Response,
        more: Mapping[str, str | bytes] = MappingProxyType({}),
        /,
        **typed: str,
    ) -> httpx.Response:
        """Send the form of a page of the provider's, filled in; `more` are header fields."""
        (form,) = page(response).forms
        headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin", **more}
        return await self.post(form.action, {**form.fields, **typed}, headers=headers)

    async def _send(self, method: str, url: str, **more: Any) -> httpx.Response:
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {**({"Cookie": kept} if kept else {}), **more.pop("headers", {})}
        response = await self._http.request(method, url, headers=headers, **more)
        for line in response.headers.get_list("set-cookie"):
            self._keep(line)
        return response

    def _keep(self, line: str) -> None:
        ((name, morsel),) = SimpleCookie(line).items()
        assert morsel["secure"], line
        assert morsel["httponly"], line
        assert (morsel["path"], morsel["domain"]) == ("/", ""), line  # else __Host- cookies are refused
        self.attributes[name] = line
        if morsel["max-age"] == "0":
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = morsel.value
