"""What a client asks for at the authorization endpoint: parsed, and checked anew wherever it comes by.

RFC 6749 (4.1.1), RFC 7636, RFC 9207, RFC 9700, OpenID Connect Core 1.0 (3.1.2).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from services.identity.errors import SentBack, Shown
from services.identity.forms import Fields
from services.identity.model import OPENID, Wanted
from services.identity.settings import Client

CARRIED: Final = (
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
)
"""What is read of a request, and travels with it through pages; all else is left out."""

PROMPTS: Final = frozenset({"none", "login"})

Fault = tuple[str, str]
"""An error's name (RFC 6749, 4.1.2.1), and a sentence for the client's developer."""

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorizationRequest:
    """A request that can be answered at its client's redirect URI.

    Args:
        wanted: what it asks for.
        state: what the client wants to have back.
        prompt: `none`, `login` or nothing.
        max_age: seconds since the user last logged in, at most.
        login_hint: the user name that the client expects.
        carried: its fields, as pages carry them on.
    """

    wanted: Wanted
    state: str | None
    prompt: str
    max_age: int | None
    login_hint: str
    carried: Fields

    def refused(self, error: str, description: str) -> SentBack:
        """The error by which it is answered."""
        return SentBack(self.wanted.redirect_uri, self.state, error, description)


def understood(fields: Fields, clients: Mapping[str, Client]) -> AuthorizationRequest:
    """The request that these fields make.

    Raises:
        Shown: its client or redirect URI is not known: nobody must be sent there.
        SentBack: there is something else wrong with it.
    """
    client = clients.get(fields.get("client_id", ""))
    if client is None:
        raise Shown(400, "Unknown app", "The app that sent you here is not known.")
    redirect_uri = fields.get("redirect_uri", "")
    if redirect_uri not in client.redirect_uris:
        raise Shown(400, "Unknown address", "The app that sent you here has given an unknown address.")
    if (fault := _fault(fields)) is not None:
        raise SentBack(redirect_uri, fields.get("state"), *fault)
    return AuthorizationRequest(
        wanted=Wanted(
            client_id=fields["client_id"],
            redirect_uri=redirect_uri,
            scopes=tuple(fields["scope"].split()),
            nonce=fields.get("nonce"),
            challenge=fields["code_challenge"],
        ),
        state=fields.get("state"),
        prompt=fields.get("prompt", ""),
        max_age=int(fields["max_age"]) if "max_age" in fields else None,
        login_hint=fields.get("login_hint", ""),
        carried={name: fields[name] for name in CARRIED if name in fields},
    )


def _fault(fields: Fields) -> Fault | None:
    """The first thing that is wrong."""
    return _unsupported(fields) or _without_pkce(fields) or _unclear(fields)


def _unsupported(fields: Fields) -> Fault | None:
    for name, error in (("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")):
        if name in fields:
            return error, f"The parameter {name} is not supported."
    if fields.get("response_type") != "code":
        return "unsupported_response_type", "The only response_type is code."
    if OPENID not in fields.get("scope", "").split():
        return "invalid_scope", "The scope must have openid in it."
    if fields.get("response_mode", "query") != "query":
        return "invalid_request", "The only response_mode is query."
    return None


def _without_pkce(fields: Fields) -> Fault | None:
    if fields.get("code_challenge_method") != "S256":
        return "invalid_request", "PKCE is needed, with the code_challenge_method S256."
    if not _CHALLENGE.fullmatch(fields.get("code_challenge", "")):
        return "invalid_request", "The code_challenge is none."
    return None


def _unclear(fields: Fields) -> Fault | None:
    if "prompt" in fields and fields["prompt"] not in PROMPTS:
        return "invalid_request", "A prompt is none or login."
    if "max_age" in fields and not _is_seconds(fields["max_age"]):
        return "invalid_request", "A max_age is a number of seconds."
    return None


def _is_seconds(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= len(str(10**9))


def answered(redirect_uri: str, **fields: str | None) -> str:
    """A client's redirect URI with an answer in its query."""
    told = urlencode({name: value for name, value in fields.items() if value is not None})
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{told}" if told else redirect_uri
