"""What client programs call directly: token endpoint, revocation, userinfo, metadata and key set.

RFC 6749 (2.3, 3.2, 4.1.3, 5, 6), RFC 7009, OpenID Connect Core 1.0 (3.1.3, 5.3, 12) and Discovery 1.0.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from frontispiece.security import DPOP_ALGORITHMS, InvalidToken, bound_key, is_bound_to, quotable
from services.identity.browser.forms import Fields, read_fields
from services.identity.context import Context, Provided
from services.identity.errors import InvalidForm, OAuthError
from services.identity.model import OPENID, SHOP_SCOPES, STANDARD_SCOPES, IssuedGrant, Presenter, grantable
from services.identity.protocol.authorize import INVALID_TARGET, PROMPTS
from services.identity.protocol.token_issuer import user_claims
from services.identity.settings import Client

UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
CHALLENGE = {"WWW-Authenticate": 'Basic realm="identity", charset="UTF-8"'}


async def token(request: Request, context: Provided) -> Response:
    """Issue tokens for a code or a refresh token, bound to the client's key if it proves one (RFC 9449).

    A confidential client always gets a refresh token, a public one with the scope `offline_access`.
    """
    fields = await _fields(request)
    client_id, client = _authenticate(request, fields, context.settings.clients)
    grant_type = _required(fields, "grant_type")
    if not client.has(fields.get("resource")):
        raise OAuthError(*INVALID_TARGET)
    proof = await context.dpop.proof(request, "/token")
    if proof is None and client.dpop_bound_access_tokens:
        raise context.dpop.refusal("This client needs a proof.")
    jkt = None if proof is None else proof.jkt
    presenter = Presenter(client_id=client_id, is_confidential=client.is_confidential, jkt=jkt)
    if grant_type == "authorization_code":
        issued = await context.grants.redeem(
            _required(fields, "code"),
            presenter,
            redirect_uri=_required(fields, "redirect_uri"),
            verifier=_required(fields, "code_verifier"),
        )
        return await _tokens(context, issued, jkt=jkt)
    if grant_type == "refresh_token":
        scopes = fields.get("scope", "").split()
        issued = await context.grants.refresh(_required(fields, "refresh_token"), presenter, scopes)
        return await _tokens(context, issued, scopes, jkt=jkt)
    raise OAuthError("unsupported_grant_type", "A grant_type is authorization_code or refresh_token.")


async def revoke(request: Request, context: Provided) -> Response:
    """End the family of a refresh token; an unknown one, or another client's, is answered alike."""
    fields = await _fields(request)
    client_id, _ = _authenticate(request, fields, context.settings.clients)
    value = _required(fields, "token")
    try:
        await context.tokens.read_access_token(value, context.settings.audience_of(client_id))
    except InvalidToken:
        await context.grants.revoke(value, client_id)
        return Response(headers=UNCACHED)
    raise OAuthError("unsupported_token_type", "An access token ends by itself, or with its refresh token.")


async def _tokens(
    context: Context, issued: IssuedGrant, narrowed_to: Sequence[str] = (), *, jkt: str | None
) -> Response:
    grant = issued.grant
    user = await context.users.get(grant.user_id)
    if user is None:
        raise OAuthError("invalid_grant", "The user is gone.")
    scopes = grantable(narrowed_to or grant.scopes, user.scopes)
    response: dict[str, Any] = {
        "access_token": await context.tokens.access_token(grant, scopes, jkt),
        "token_type": "Bearer" if jkt is None else "DPoP",
        "expires_in": context.settings.access_token_lifetime,
        "scope": " ".join(scopes),
    }
    if issued.refresh_token is not None:
        response["refresh_token"] = issued.refresh_token
    if OPENID in scopes:
        response["id_token"] = await context.tokens.id_token(issued, user, scopes)
    return JSONResponse(response, headers=UNCACHED)


async def _fields(request: Request) -> Fields:
    try:
        return await read_fields(request)
    except InvalidForm as error:
        raise OAuthError("invalid_request", str(error), status=error.status) from None


def _required(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if not value:
        raise OAuthError("invalid_request", f"The parameter {name} is missing.")
    return value


def _authenticate(request: Request, fields: Fields, clients: Mapping[str, Client]) -> tuple[str, Client]:
    """The calling client; a confidential one is authenticated by its secret.

    Raises:
        OAuthError: 401 `invalid_client`.
    """
    client_id, secret = _credentials(request, fields)
    client = clients.get(client_id)
    if client is None or not _is_same(secret, client.secret):
        raise _invalid_client("The client is unknown, or its secret is wrong.")
    return client_id, client


def _credentials(request: Request, fields: Fields) -> tuple[str, str | None]:
    authorization = request.headers.get("authorization")
    if authorization is None:
        return _required(fields, "client_id"), fields.get("client_secret")
    if "client_secret" in fields:
        raise OAuthError("invalid_request", "A client authenticates in one way only.")
    client_id, secret = _basic(authorization)
    if fields.get("client_id", client_id) != client_id:
        raise OAuthError("invalid_request", "The client_id is another than the header's.")
    return client_id, secret


def _basic(authorization: str) -> tuple[str, str]:
    """Client id and secret of HTTP Basic; both are form-encoded as well (RFC 6749, 2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("ascii")
        name, colon, secret = (unquote_plus(part, errors="strict") for part in decoded.partition(":"))
    except ValueError:  # neither base64 nor UTF-8
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise _invalid_client("The Authorization header is none of HTTP Basic.")
    return name, secret


def _is_same(secret: str | None, expected: str | None) -> bool:
    """Whether the secrets are equal; the comparison takes the same time wherever they differ."""
    if secret is None or expected is None:
        return secret is expected
    digests = [
        hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest() for value in (secret, expected)
    ]
    return hmac.compare_digest(*digests)


def _invalid_client(description: str) -> OAuthError:
    return OAuthError("invalid_client", description, status=401, headers=CHALLENGE)


AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]


async def discovery(context: Provided) -> Response:
    """The provider's metadata (OpenID Connect Discovery 1.0, RFC 8414)."""
    settings, keys = context.settings, context.keys
    document: dict[str, Any] = {
        "issuer": settings.issuer,
        "authorization_endpoint": settings.at("/authorize"),
        "token_endpoint": settings.at("/token"),
        "userinfo_endpoint": settings.at("/userinfo"),
        "jwks_uri": settings.at("/jwks"),
        "revocation_endpoint": settings.at("/revoke"),
        "end_session_endpoint": settings.at("/logout"),
        "scopes_supported": [*STANDARD_SCOPES, *SHOP_SCOPES],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "prompt_values_supported": sorted(PROMPTS),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted({key.algorithm for key in await keys.published()}),
        "token_endpoint_auth_methods_supported": AUTH_METHODS,
        "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": list(DPOP_ALGORITHMS),
        "claims_supported": [
            *("iss", "sub", "aud", "iat", "exp", "auth_time", "nonce", "sid"),
            *("name", "preferred_username", "email", "email_verified"),
        ],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }
    return JSONResponse(document, headers={"Cache-Control": f"public, max-age={keys.max_age}"})


async def jwks(context: Provided) -> Response:
    """The public keys, with those that do not sign yet and those that do not sign any more."""
    keys = [key.public for key in await context.keys.published()]
    headers = {"Cache-Control": f"public, max-age={context.keys.max_age}"}
    return JSONResponse({"keys": keys}, headers=headers)


async def userinfo(request: Request, context: Provided) -> Response:
    """The claims about the user of an access token (OpenID Connect Core 1.0, 5.3)."""
    claims = await _access_token(request, context)
    scopes = tuple(str(claims.get("scope", "")).split())
    if OPENID not in scopes:
        raise _bearer_error(403, "insufficient_scope", "The scope openid is needed", 'scope="openid"')
    grant = await context.grants.active(claims["sid"])
    user = None if grant is None else await context.users.get(grant.user_id)
    if user is None:
        raise _bearer_error(401, "invalid_token", "The token's grant has ended")
    return JSONResponse({"sub": user.id, **user_claims(user, grantable(scopes, ()))}, headers=UNCACHED)


async def _access_token(request: Request, context: Context) -> dict[str, Any]:
    """The claims of the request's access token; one that is bound to a key needs a proof.

    Raises:
        OAuthError: 401.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    scheme, token = scheme.lower(), token.strip()
    if scheme not in {"bearer", "dpop"} or not token:
        challenge = {"WWW-Authenticate": f'Bearer, DPoP algs="{" ".join(DPOP_ALGORITHMS)}"'}
        raise OAuthError("invalid_request", "An access token is missing.", status=401, headers=challenge)
    try:
        claims = await context.tokens.read_access_token(token, context.settings.audience)
    except InvalidToken as error:
        raise _bearer_error(401, "invalid_token", quotable(error)) from None
    if scheme == "bearer" and bound_key(claims) is None:
        return claims
    if scheme == "bearer":
        raise context.dpop.refusal("The token is bound to a key.", "invalid_token", access_token=token)
    proof = await context.dpop.proof(request, "/userinfo", access_token=token)
    if proof is None or not is_bound_to(claims, proof.jkt):
        raise context.dpop.refusal("The token needs a proof of its key.", access_token=token)
    return claims


def _bearer_error(status: int, error: str, description: str, *more: str) -> OAuthError:
    """An error with the challenge of RFC 6750, 3."""
    parts = ", ".join([f'error="{error}"', f'error_description="{description}"', *more])
    return OAuthError(error, description, status=status, headers={"WWW-Authenticate": f"Bearer {parts}"})
