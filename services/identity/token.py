"""The token endpoint, and revocation: what client programs ask directly.

RFC 6749 (2.3, 3.2, 4.1.3, 5, 6), RFC 7009, OpenID Connect Core 1.0 (3.1.3, 12).
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from services.identity.errors import BadForm, Refused
from services.identity.forms import Fields, form
from services.identity.model import OPENID, Given, granted
from services.identity.provider import Provided, Provider
from services.identity.settings import Client
from services.identity.tokens import NotOurs

UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
CHALLENGE = {"WWW-Authenticate": 'Basic realm="identity", charset="UTF-8"'}


async def token(request: Request, provider: Provided) -> Response:
    """Give a client tokens for a code or for a refresh token.

    A confidential client always gets a refresh token, another one for the scope `offline_access`.
    """
    fields = await _fields(request)
    client_id, client = _authenticated(request, fields, provider.settings.clients)
    grant_type = _needed(fields, "grant_type")
    if grant_type == "authorization_code":
        given = await provider.grants.redeem(
            _needed(fields, "code"),
            client_id,
            redirect_uri=_needed(fields, "redirect_uri"),
            verifier=_needed(fields, "code_verifier"),
            refreshed=client.is_confidential,
        )
        return await _tokens(provider, given)
    if grant_type == "refresh_token":
        scopes = fields.get("scope", "").split()
        given = await provider.grants.refresh(_needed(fields, "refresh_token"), client_id, scopes)
        return await _tokens(provider, given, scopes)
    raise Refused("unsupported_grant_type", "A grant_type is authorization_code or refresh_token.")


async def revoke(request: Request, provider: Provided) -> Response:
    """End the family of a refresh token; one that is not known, or another client's, is none to end."""
    fields = await _fields(request)
    client_id, _ = _authenticated(request, fields, provider.settings.clients)
    wanted = _needed(fields, "token")
    try:
        await provider.tokens.read_access(wanted)
    except NotOurs:
        await provider.grants.revoke(wanted, client_id)
        return Response(headers=UNCACHED)
    raise Refused("unsupported_token_type", "An access token ends by itself, or with its refresh token.")


async def _tokens(provider: Provider, given: Given, narrowed_to: Sequence[str] = ()) -> Response:
    grant = given.grant
    user = await provider.users.of(grant.user_id)
    if user is None:
        raise Refused("invalid_grant", "The user is gone.")
    scopes = granted(narrowed_to or grant.scopes, user.scopes)
    answer: dict[str, Any] = {
        "access_token": await provider.tokens.access(grant, scopes),
        "token_type": "Bearer",
        "expires_in": provider.settings.access_lasts,
        "scope": " ".join(scopes),
    }
    if given.refresh is not None:
        answer["refresh_token"] = given.refresh
    if OPENID in scopes:
        answer["id_token"] = await provider.tokens.identity(given, user, scopes)
    return JSONResponse(answer, headers=UNCACHED)


async def _fields(request: Request) -> Fields:
    try:
        return await form(request)
    except BadForm as fault:
        raise Refused("invalid_request", str(fault), status=fault.status) from None


def _needed(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if not value:
        raise Refused("invalid_request", f"The parameter {name} is missing.")
    return value


def _authenticated(request: Request, fields: Fields, clients: Mapping[str, Client]) -> tuple[str, Client]:
    """The client that asks; a confidential one by its secret, a public one by its name alone.

    Raises:
        Refused: 401 `invalid_client`.
    """
    client_id, secret = _credentials(request, fields)
    client = clients.get(client_id)
    known = client.secret if client is not None else None
    if client is None or not _is_same(secret, known):
        raise _unknown("The client is not known here, or its secret is wrong.")
    return client_id, client


def _credentials(request: Request, fields: Fields) -> tuple[str, str | None]:
    authorization = request.headers.get("authorization")
    if authorization is None:
        return _needed(fields, "client_id"), fields.get("client_secret")
    if "client_secret" in fields:
        raise Refused("invalid_request", "A client authenticates in one way only.")
    client_id, secret = _basic(authorization)
    if fields.get("client_id", client_id) != client_id:
        raise Refused("invalid_request", "The client_id is another than the header's.")
    return client_id, secret


def _basic(authorization: str) -> tuple[str, str]:
    """Name and secret out of a header; both are encoded as in forms, too (RFC 6749, 2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("ascii")
        name, colon, secret = (unquote_plus(part, errors="strict") for part in decoded.partition(":"))
    except ValueError:  # neither base64 nor UTF-8
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise _unknown("The Authorization header is none of HTTP Basic.")
    return name, secret


def _is_same(secret: str | None, known: str | None) -> bool:
    """Whether the secret is the client's; compared in the same time wherever they differ."""
    if secret is None or known is None:
        return secret is known
    digests = [hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest() for value in (secret, known)]
    return hmac.compare_digest(*digests)


def _unknown(description: str) -> Refused:
    return Refused("invalid_client", description, status=401, headers=CHALLENGE)
