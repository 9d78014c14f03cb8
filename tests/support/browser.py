"""A client that treats cookies, sites and redirects as browsers do, as far as logging in depends on it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx

from tests.support.serving import client_of

MOST_REDIRECTS: Final = 10


@dataclass(frozen=True, kw_only=True)
class Cookie:
    """A cookie as the browser keeps it."""

    name: str
    value: str
    path: str
    same_site: str
    http_only: bool
    ends: float | None


class BrokenCookie(AssertionError):
    """A browser would not keep this cookie."""


class Browser:
    """A browser. Each origin is a site of its own; two are no closer than strangers.

    Args:
        addresses: where the servers of origins really are, by origin; others are where they say.
    """

    def __init__(self, addresses: Mapping[str, str] | None = None) -> None:
        self.addresses = dict(addresses or {})
        self.cookies: dict[str, dict[str, Cookie]] = {}
        self.visited: list[str] = []
        """The URLs of the latest navigation."""
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def close(self) -> None:
        """Let go of every connection."""
        for client in self._clients.values():
            await client.aclose()

    def cookie(self, origin: str, name: str) -> str | None:
        """The value of a cookie."""
        kept = self._kept(origin).get(name)
        return kept.value if kept else None

    def plant(self, origin: str, name: str, value: str) -> None:
        """Have a cookie that no answer set."""
        self.cookies.setdefault(origin, {})[name] = Cookie(
            name=name, value=value, path="/", same_site="strict", http_only=True, ends=None
        )

    async def navigate(self, url: str, *, start: str | None = None) -> httpx.Response:
        """Go somewhere, by a link on a page of `start`, or by typing it in; redirects are followed."""
        self.visited = []
        sites = {start} if start else set()
        for _ in range(MOST_REDIRECTS):
            self.visited.append(url)
            origin = origin_of(url)
            strangers = sites - {origin}
            site = "cross-site" if strangers else "same-origin" if sites else "none"
            headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
            answer = await self._send("GET", url, headers, strict=not strangers)
            sites.add(origin)
            if not answer.is_redirect:
                return answer
            url = urljoin(url, answer.headers["location"])
        raise AssertionError(f"more than {MOST_REDIRECTS} redirects: {self.visited}")

    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        marked: bool = True,
        headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> httpx.Response:
        """What a script of the very same origin does; `headers` are in place of the browser's own."""
        own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
        if method not in {"GET", "HEAD"}:
            own["Origin"] = origin_of(url)
        if marked:
            own["X-CSRF"] = "1"
        return await self._send(method, url, own | dict(headers or {}), strict=True, **content)

    async def submit(self, url: str, form: Mapping[str, str], *, start: str) -> httpx.Response:
        """A form of a page of `start` that is posted here."""
        site = "same-origin" if start == origin_of(url) else "cross-site"
        headers = {"Origin": start, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
        strict = start == origin_of(url)
        return await self._send("POST", url, headers, strict=strict, lax=strict, data=dict(form))

    async def _send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        *,
        strict: bool,
        lax: bool = True,
        **content: Any,
    ) -> httpx.Response:
        origin = origin_of(url)
        sent = {"strict"} if strict else set()
        sent |= {"lax"} if lax else set()
        pairs = [f"{c.name}={c.value}" for c in self._kept(origin).values() if c.same_site in sent]
        if pairs:
            headers = {"Cookie": "; ".join(pairs)} | headers
        headers = {"Host": urlsplit(url).netloc} | headers
        fields = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        answer = await self._client(origin).request(
            method, url.removeprefix(origin), headers=fields, follow_redirects=False, **content
        )
        for line in answer.headers.get_list("set-cookie"):
            self._keep(origin, line)
        return answer

    def _client(self, origin: str) -> httpx.AsyncClient:
        address = self.addresses.get(origin, origin)
        if address not in self._clients:
            self._clients[address] = client_of(address)
        client = self._clients[address]
        client.cookies.clear()  # they are ours to keep
        return client

    def _kept(self, origin: str) -> dict[str, Cookie]:
        jar = self.cookies.setdefault(origin, {})
        for name in [n for n, c in jar.items() if c.ends is not None and c.ends <= time.time()]:
            del jar[name]
        return jar

    def _keep(self, origin: str, line: str) -> None:
        cookie = _parsed(line)
        if cookie.ends is not None and cookie.ends <= time.time():
            self._kept(origin).pop(cookie.name, None)
        else:
            self._kept(origin)[cookie.name] = cookie


def origin_of(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _parsed(line: str) -> Cookie:
    pair, *rest = [piece.strip() for piece in line.split(";")]
    name, _, value = pair.partition("=")
    attributes = {key.lower(): given for key, _, given in (piece.partition("=") for piece in rest)}
    if name.startswith("__Host-"):  # what browsers ask of such a name (RFC 6265bis)
        if "secure" not in attributes or attributes.get("path") != "/" or "domain" in attributes:
            raise BrokenCookie(line)
        if name.startswith("__Host-Http-") and "httponly" not in attributes:
            raise BrokenCookie(line)
    ends = None
    if "max-age" in attributes:
        ends = time.time() + int(attributes["max-age"])
    elif "expires" in attributes:
        ends = parsedate_to_datetime(attributes["expires"]).timestamp()
    return Cookie(
        name=name,
        value=value,
        path=attributes.get("path", "/"),
        same_site=attributes.get("samesite", "lax").lower(),
        http_only="httponly" in attributes,
        ends=ends,
    )
