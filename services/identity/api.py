"""What programs read: the discovery document, the public keys, and what a client may know of a user."""

from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from kit.tokens import quotable
from services.identity.authorize import PROMPTS
from services.identity.errors import Refused
from services.identity.model import ABOUT, OPENID, SHOP, granted
from services.identity.provider import Provided
from services.identity.token import UNCACHED
from services.identity.tokens import NotOurs, about

METHODS = ["client_secret_basic", "client_secret_post", "none"]


async def discovery(provider: Provided) -> Response:
    """What this provider can do, and where (OpenID Connect Discovery 1.0, RFC 8414)."""
    settings, keys = provider.settings, provider.keys
    document: dict[str, Any] = {
        "issuer": settings.issuer,
        "authorization_endpoint": settings.at("/authorize"),
        "token_endpoint": settings.at("/token"),
        "userinfo_endpoint": settings.at("/userinfo"),
        "jwks_uri": settings.at("/jwks"),
        "revocation_endpoint": settings.at("/revoke"),
        "end_session_endpoint": settings.at("/logout"),
        "scopes_supported": [*ABOUT, *SHOP],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "prompt_values_supported": sorted(PROMPTS),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted({key.algorithm for key in await keys.published()}),
        "token_endpoint_auth_methods_supported": METHODS,
        "revocation_endpoint_auth_methods_supported": METHODS,
        "code_challenge_methods_supported": ["S256"],
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


async def jwks(provider: Provided) -> Response:
    """The public keys, those that do not sign yet and those that do not any more among them."""
    keys = [key.public for key in await provider.keys.published()]
    kept = {"Cache-Control": f"public, max-age={provider.keys.max_age}"}
    return JSONResponse({"keys": keys}, headers=kept)


async def userinfo(request: Request, provider: Provided) -> Response:
    """What the client of an access token may know of its user (OpenID Connect Core 1.0, 5.3)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        challenge = {"WWW-Authenticate": "Bearer"}
        raise Refused("invalid_request", "An access token is missing.", status=401, headers=challenge)
    try:
        claims = await provider.tokens.read_access(token.strip())
    except NotOurs as fault:
        raise _not_allowed(401, "invalid_token", quotable(fault)) from None
    scopes = tuple(str(claims.get("scope", "")).split())
    if OPENID not in scopes:
        raise _not_allowed(403, "insufficient_scope", "The scope openid is needed", 'scope="openid"')
    grant = await provider.grants.alive(claims["sid"])
    user = None if grant is None else await provider.users.of(grant.user_id)
    if user is None:
        raise _not_allowed(401, "invalid_token", "The token's grant has ended")
    return JSONResponse({"sub": user.id, **about(user, granted(scopes, ()))}, headers=UNCACHED)


def _not_allowed(status: int, error: str, description: str, *more: str) -> Refused:
    """A refusal in the words of RFC 6750, 3."""
    parts = ", ".join([f'error="{error}"', f'error_description="{description}"', *more])
    return Refused(error, description, status=status, headers={"WWW-Authenticate": f"Bearer {parts}"})
