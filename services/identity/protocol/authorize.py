"""Authorization requests: parsed and validated, again at every step that they pass.

RFC 6749 (4.1.1), RFC 7636, RFC 8707, RFC 9207, RFC 9700, OpenID Connect Core 1.0 (3.1.2).
"""

import re
from dataclasses import dataclass, replace
from typing import Final, Self
from urllib.parse import quote_plus, urlencode

from services.identity.browser.forms import Fields
from services.identity.errors import PageError, RedirectError
from services.identity.model import OPENID, RequestedGrant, grantable
from services.identity.settings import Client, IdentitySettings

PARAMETERS: Final = (
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
    "prompt",
    "max_age",
    "login_hint",
    "resource",
)
"""The parameters that are read, and carried through pages in hidden fields; others are ignored."""

PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})

MAX_LENGTH: Final = 2048
"""Characters of a percent-encoded parameter: the state goes into the redirect, all go through pages."""

Violation = tuple[str, str]
"""An error code (RFC 6749, 4.1.2.1), and a sentence for the client's developer."""

INVALID_TARGET: Final[Violation] = "invalid_target", "This client gets no tokens for that resource."
"""RFC 8707, 2."""

_SHA256 = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorizationRequest:
    """A request whose response goes to the client's redirect URI.

    Args:
        requested: what the client requests.
        state: repeated in the response.
        app: the client's name.
        confirm_always: whether the user must be asked, for another app can pretend to be the client.
        prompts: what the client wants the user to be asked, of `PROMPTS`.
        max_age: seconds since the user last logged in, at most.
        login_hint: the user name that the client expects.
        fields: its parameters, as hidden fields carry them on.
    """

    requested: RequestedGrant
    app: str
    confirm_always: bool
    state: str | None
    prompts: frozenset[str]
    max_age: int | None
    login_hint: str
    fields: Fields

    @property
    def needs_confirmation(self) -> bool:
        """Whether a user who is logged in already must agree.

        OpenID Connect Core 1.0, 3.1.2.1; for a client that another app can impersonate, RFC 8252, 8.6.
        """
        return self.confirm_always or not self.prompts.isdisjoint({"consent", "select_account"})

    def after_login(self) -> Self:
        """The request of a user who has just logged in: only the consent may still be missing."""
        prompts = self.prompts & {"consent"}
        others = {name: value for name, value in self.fields.items() if name not in {"prompt", "max_age"}}
        fields = others | ({"prompt": "consent"} if prompts else {})
        return replace(self, prompts=prompts, max_age=None, confirm_always=False, fields=fields)

    def error(self, error: str, description: str) -> RedirectError:
        """The error response."""
        return RedirectError(self.requested.redirect_uri, self.state, error, description)


def parse_request(fields: Fields, settings: IdentitySettings) -> AuthorizationRequest:
    """The request in these parameters.

    Raises:
        PageError: the client or its redirect URI is unknown: nobody must be sent there; or the state is too
            long.
        RedirectError: the request is invalid otherwise.
    """
    client = settings.clients.get(fields.get("client_id", ""))
    if client is None:
        raise PageError(400, "Unknown app", "The app that sent you here is not known.")
    redirect_uri = fields.get("redirect_uri", "")
    if not client.accepts(redirect_uri):
        raise PageError(400, "Unknown address", "The app that sent you here has given an unknown address.")
    check_state(fields)
    if violation := _unsupported(fields) or _without_pkce(fields) or _malformed(fields):
        raise RedirectError(redirect_uri, fields.get("state"), *violation)
    if not client.has(fields.get("resource")):
        raise RedirectError(redirect_uri, fields.get("state"), *INVALID_TARGET)
    return AuthorizationRequest(
        requested=RequestedGrant(
            client_id=fields["client_id"],
            redirect_uri=redirect_uri,
            scopes=_permitted(client, fields["scope"].split()),
            nonce=fields.get("nonce"),
            code_challenge=fields["code_challenge"],
            dpop_jkt=fields.get("dpop_jkt"),
        ),
        app=client.name or fields["client_id"],
        confirm_always=not client.is_assured(redirect_uri, settings.origin),
        state=fields.get("state"),
        prompts=frozenset(fields.get("prompt", "").split()),
        max_age=int(fields["max_age"]) if "max_age" in fields else None,
        login_hint=fields.get("login_hint", ""),
        fields={name: fields[name] for name in PARAMETERS if name in fields},
    )


def _permitted(client: Client, scopes: list[str]) -> tuple[str, ...]:
    """The requested scopes that the client may have; the token response names them (RFC 6749, 3.3)."""
    return tuple(scopes) if client.scopes is None else grantable(scopes, client.scopes)


def _unsupported(fields: Fields) -> Violation | None:
    for name, error in (("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")):
        if name in fields:
            return error, f"The parameter {name} is not supported."
    if fields.get("response_type") != "code":
        return "unsupported_response_type", "The only response_type is code."
    if OPENID not in fields.get("scope", "").split():
        return "invalid_scope", "The scope must contain openid."
    if fields.get("response_mode", "query") != "query":
        return "invalid_request", "The only response_mode is query."
    return None


def _without_pkce(fields: Fields) -> Violation | None:
    if fields.get("code_challenge_method") != "S256":
        return "invalid_request", "PKCE is required, with the code_challenge_method S256."
    if not _SHA256.fullmatch(fields.get("code_challenge", "")):
        return "invalid_request", "The code_challenge is malformed."
    return None


def _malformed(fields: Fields) -> Violation | None:
    if "dpop_jkt" in fields and not _SHA256.fullmatch(fields["dpop_jkt"]):
        return "invalid_request", "The dpop_jkt is no SHA-256 thumbprint."
    prompts = fields.get("prompt", "").split()
    if not PROMPTS.issuperset(prompts):
        return "invalid_request", "A prompt is none, login, consent or select_account."
    if "none" in prompts and len(prompts) > 1:
        return "invalid_request", "The prompt none comes alone."
    for name in PARAMETERS:
        if _is_too_long(fields.get(name, "")):
            return "invalid_request", f"The parameter {name} is too long."
    if "max_age" in fields and not _is_seconds(fields["max_age"]):
        return "invalid_request", "A max_age is a number of seconds."
    return None


def check_state(fields: Fields) -> None:
    """Return when the state can go into a redirect.

    Raises:
        PageError: it is too long once it is encoded; so it cannot be repeated to the client.
    """
    if _is_too_long(fields.get("state", "")):
        raise PageError(400, "This request is too long", "The app that sent you here has sent too much.")


def _is_too_long(value: str) -> bool:
    return len(quote_plus(value)) > MAX_LENGTH


def _is_seconds(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= len(str(10**9))


def with_query(uri: str, **fields: str | None) -> str:
    """A URI with these fields, unless they are None, added to its query."""
    query = urlencode({name: value for name, value in fields.items() if value is not None})
    return f"{uri}{'&' if '?' in uri else '?'}{query}" if query else uri
