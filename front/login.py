"""Logging in at a terminal, as a browser or a phone does: pages are asked for, and the form is filled in."""

import base64
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx

from front.setting import IDENTITY_PATH, PHONE_REDIRECT, SESSION_PATH
from kit.problems import MEDIA_TYPE

SCOPES: Final = "openid shop catalog:write stock:write discount:write"
"""What is asked for: a user gets those of them that the user has."""

SESSION_COOKIE: Final = "__Host-Http-session"
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
MOST_STEPS: Final = 12
PATIENCE: Final = 30.0


class LoginFailed(Exception):
    """Nobody is logged in; the message says why."""


def phone(url: str, user: str, password: str) -> str:
    """An access token, as the mobile client gets it: authorization code with PKCE (RFC 7636).

    Args:
        url: of the gateway.
        user: the name at the shop's identity service.
        password: the user's.

    Raises:
        LoginFailed: nobody answers, or the login is refused.
    """
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": "mobile",
        "redirect_uri": PHONE_REDIRECT,
        "scope": SCOPES,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    with _client(url) as client:
        provider = _json(client.get(f"{url}{IDENTITY_PATH}/.well-known/openid-configuration"))
        begin = f"{provider['authorization_endpoint']}?{urlencode(asked)}"
        answer = parse_qs(urlsplit(_led(client, begin, user, password, PHONE_REDIRECT)).query)
        if answer.get("state") != [state] or "code" not in answer:
            raise LoginFailed(f"The identity service refuses: {' '.join(answer.get('error', ['no code']))}.")
        form = {
            "grant_type": "authorization_code",
            "client_id": "mobile",
            "redirect_uri": PHONE_REDIRECT,
            "code": answer["code"][0],
            "code_verifier": verifier,
        }
        return str(_json(client.post(provider["token_endpoint"], data=form))["access_token"])


def browser(url: str, user: str, password: str) -> str:
    """The `Cookie` header of a session, as a browser of the web client has it.

    Every call with it needs `X-CSRF: 1` as well.

    Raises:
        LoginFailed: nobody answers, or the login is refused.
    """
    home = f"{url}/"
    with _client(url) as client:
        _led(client, f"{url}{SESSION_PATH}/login?return_to=/", user, password, home)
        for cookie in client.cookies.jar:
            if cookie.name == SESSION_COOKIE:
                return f"{SESSION_COOKIE}={cookie.value}"
    raise LoginFailed("The gateway gave no session.")


@contextmanager
def _client(url: str) -> Iterator[httpx.Client]:
    """A client that sends its cookies back: on loopback also those that are for TLS alone, as browsers do."""
    try:
        with httpx.Client(timeout=PATIENCE) as client:
            host = httpx.URL(url).host

            def with_cookies(request: httpx.Request) -> None:
                if request.url.host == host and request.url.host in LOOPBACK:
                    kept = [f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar]
                    request.headers["cookie"] = "; ".join(kept)

            client.event_hooks["request"].append(with_cookies)
            yield client
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as fault:
        raise LoginFailed(f"{url} is no address of a gateway: {fault}") from None
    except httpx.TransportError as fault:
        raise LoginFailed(f"Nothing answers at {url} ({fault or 'timeout'}). Is the shop running?") from None


def _led(client: httpx.Client, begin: str, user: str, password: str, end: str) -> str:
    """Where redirects lead in the end, with the login form filled in on the way; `end` is not asked for."""
    answer = client.get(begin)
    filled = False
    for _ in range(MOST_STEPS):
        if answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["location"])
            if target.partition("?")[0] == end:
                return target
            answer = client.get(target)
            continue
        form = LoginForm(answer.text) if "html" in answer.headers.get("content-type", "") else None
        if form is None or form.action is None or filled:
            raise LoginFailed(_why(answer, form))
        filled = True
        answer = client.post(
            urljoin(str(answer.url), form.action),
            data=form.filled(user, password),
            headers={"Origin": _origin(str(answer.url))},
        )
    raise LoginFailed("The login goes round in circles.")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _why(answer: httpx.Response, form: "LoginForm | None") -> str:
    if form is not None:
        return form.alert.strip() or f"The login page answered {answer.status_code} without a form."
    if answer.headers.get("content-type") == MEDIA_TYPE:
        told = answer.json()
        return str(told.get("detail", told["title"]))
    return f"{answer.url} answered {answer.status_code}."


def _json(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise LoginFailed(f"{answer.url.path} answered {answer.status_code}: {answer.text[:200]}")
    document: dict[str, Any] = answer.json()
    return document


class LoginForm(HTMLParser):
    """The login form of a page, and what the page says is wrong."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.alert = ""
        self.fields: dict[str, str] = {}
        self._user = self._password = ""
        self._alerting = ""
        self.feed(page)

    def filled(self, user: str, password: str) -> dict[str, str]:
        """What is sent when this user fills it in."""
        return {**self.fields, self._user: user, self._password: password}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the form, its fields, and where a warning begins."""
        told = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = told.get("action", "")
        elif tag == "input" and told.get("type") == "hidden":
            self.fields[told["name"]] = told.get("value", "")
        elif tag == "input" and told.get("type") == "password":
            self._password = self._password or told["name"]
        elif tag == "input" and told.get("autocomplete") == "username":
            self._user = told["name"]
        if told.get("role") == "alert":
            self._alerting = tag

    def handle_endtag(self, tag: str) -> None:
        """Note where a warning ends."""
        if tag == self._alerting:
            self._alerting = ""

    def handle_data(self, data: str) -> None:
        """Note a warning's words."""
        if self._alerting:
            self.alert += data
