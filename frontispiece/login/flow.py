"""Logging in at a terminal, as a browser or a native app does: by the pages and the login form."""

import base64
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from frontispiece.errors import UserError
from frontispiece.http.loopback import is_loopback, is_loopback_host
from frontispiece.http.problems import MEDIA_TYPE
from frontispiece.login.config import Login

SESSION_COOKIE: Final = "__Host-Http-session"
MAX_REDIRECTS: Final = 12
TIMEOUT: Final = 30.0


class LoginFailed(UserError):
    """The login did not succeed; the message says why."""


def access_token(url: str, login: Login, user: str, password: str) -> str:
    """An access token, as a native app gets it: authorization code with PKCE (RFC 7636, RFC 8252).

    Raises:
        LoginFailed: nothing answers, or the login is refused.
    """
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    digest = hashlib.sha256(verifier.encode()).digest()
    parameters = {
        "response_type": "code",
        "client_id": login.client_id,
        "redirect_uri": login.redirect_uri,
        "scope": login.scope,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    with _client(url) as client:
        discovery = client.get(f"{url}{login.issuer}/.well-known/openid-configuration")
        provider = _members(discovery, "authorization_endpoint", "token_endpoint")
        start = f"{provider['authorization_endpoint']}?{urlencode(parameters)}"
        callback = parse_qs(urlsplit(_follow(client, start, user, password, login.redirect_uri)).query)
        if callback.get("state") != [state] or "code" not in callback:
            raise LoginFailed(f"The issuer refuses: {' '.join(callback.get('error', ['no code']))}.")
        form = {
            "grant_type": "authorization_code",
            "client_id": login.client_id,
            "redirect_uri": login.redirect_uri,
            "code": callback["code"][0],
            "code_verifier": verifier,
        }
        return _members(client.post(provider["token_endpoint"], data=form), "access_token")["access_token"]


def session_cookie(url: str, login: Login, user: str, password: str) -> str:
    """The `Cookie` header of a session, as a browser has it; each call with it needs `X-CSRF: 1` as well.

    Raises:
        LoginFailed: nothing answers, the login is refused, or the project has no sessions.
    """
    if login.session is None:
        raise LoginFailed("The project has no sessions: frontispiece.toml has no login.session.")
    with _client(url) as client:
        _follow(client, f"{url}{login.session}/login?return_to=/", user, password, f"{url}/")
        for cookie in client.cookies.jar:
            if cookie.name == SESSION_COOKIE:
                return f"{SESSION_COOKIE}={cookie.value}"
    raise LoginFailed("The gateway set no session cookie.")


def login_headers(
    url: str, login: Login, user: str, password: str, *, session: bool
) -> list[tuple[str, str]]:
    """The headers of a user who has just logged in, for a session or by a token.

    Raises:
        LoginFailed: the login did not succeed.
    """
    if session:
        return [("Cookie", session_cookie(url, login, user, password)), ("X-CSRF", "1")]
    return [("Authorization", f"Bearer {access_token(url, login, user, password)}")]


@contextmanager
def _client(url: str) -> Iterator[httpx.Client]:
    """A client that returns cookies; on loopback `Secure` ones, too, as browsers do."""
    try:
        with httpx.Client(timeout=TIMEOUT, trust_env=not is_loopback(url)) as client:
            host = httpx.URL(url).host

            def with_cookies(request: httpx.Request) -> None:
                if request.url.host == host and is_loopback_host(host):
                    cookies = [f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar]
                    request.headers["cookie"] = "; ".join(cookies)

            client.event_hooks["request"].append(with_cookies)
            yield client
    except (
        httpx.InvalidURL,
        httpx.UnsupportedProtocol,
        httpx.RemoteProtocolError,
        httpx.DecodingError,
    ) as fault:
        raise LoginFailed(f"{url} is not the address of a gateway, or its login is faulty: {fault}") from None
    except httpx.TransportError as fault:
        raise LoginFailed(
            f"Nothing answers at {url} ({fault or 'timeout'}). Is the project running?"
        ) from None


def _follow(client: httpx.Client, start: str, user: str, password: str, end: str) -> str:
    """Follow redirects, filling in the login form, up to `end` with any query, which is not requested."""
    response = client.get(start)
    filled = False
    for _ in range(MAX_REDIRECTS):
        if response.has_redirect_location:
            target = str(response.url.join(response.headers["location"]))
            if target.partition("?")[0] == end:
                return target
            response = client.get(target)
            continue
        form = LoginForm(response.text) if "html" in response.headers.get("content-type", "") else None
        if form is None or form.action is None or filled:
            raise LoginFailed(_reason(response, form))
        filled = True
        response = client.post(
            response.url.join(form.action),
            data=form.filled(user, password),
            headers={"Origin": _origin(str(response.url))},
        )
    raise LoginFailed("The login redirects without end.")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _reason(response: httpx.Response, form: "LoginForm | None") -> str:
    if form is not None:
        return form.alert.strip() or f"The login page answered {response.status_code} without a form."
    if response.headers.get("content-type") == MEDIA_TYPE:
        problem = _json(response)
        if reason := problem.get("detail") or problem.get("title"):
            return str(reason)
    return f"{response.url} answered {response.status_code}."


def _members(response: httpx.Response, *names: str) -> dict[str, str]:
    """These members of a JSON object, which are strings."""
    if not response.is_success:
        raise LoginFailed(f"{response.url.path} answered {response.status_code}: {response.text[:200]}")
    document = _json(response)
    members = {name: value for name in names if isinstance(value := document.get(name), str)}
    if len(members) < len(names):
        raise LoginFailed(f"{response.url} answered no JSON object with {' and '.join(names)}.")
    return members


def _json(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of a response; an empty one when it has none."""
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


class LoginForm(HTMLParser):
    """The login form of a page, and the page's error message."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.alert = ""
        self.fields: dict[str, str] = {}
        self._user = self._password = ""
        self._alerting = ""
        self.feed(page)

    def filled(self, user: str, password: str) -> dict[str, str]:
        """The form's data for this user."""
        return {**self.fields, self._user: user, self._password: password}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the form, its fields, and the start of an alert."""
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = attributes.get("action", "")
        elif tag == "input" and attributes.get("type") == "hidden":
            self.fields[attributes.get("name", "")] = attributes.get("value", "")
        elif tag == "input" and attributes.get("type") == "password":
            self._password = self._password or attributes.get("name", "")
        elif tag == "input" and attributes.get("autocomplete") == "username":
            self._user = attributes.get("name", "")
        if attributes.get("role") == "alert":
            self._alerting = tag

    def handle_endtag(self, tag: str) -> None:
        """Find the end of an alert."""
        if tag == self._alerting:
            self._alerting = ""

    def handle_data(self, data: str) -> None:
        """Collect the text of an alert."""
        if self._alerting:
            self.alert += data
