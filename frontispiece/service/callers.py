"""The callers of a service: verified tokens, public endpoints, scopes."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from frontispiece.http.problems import Problem
from frontispiece.security import Identity, Verifier

BEARER = HTTPBearer(auto_error=False, description="The caller's token.")
"""How callers prove who they are, in OpenAPI documents."""

_PUBLIC = "is_public"
_SCOPES = "required_scopes"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def public(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint that needs no token; the decorator stands below that of the route."""
    setattr(endpoint, _PUBLIC, True)
    return endpoint


def is_public(endpoint: Any) -> bool:
    """Whether an endpoint needs no token."""
    return getattr(endpoint, _PUBLIC, False)


def scopes_of(dependency: Any) -> tuple[str, ...]:
    """The scopes of which a dependency requires one; none for a dependency that requires none."""
    return getattr(dependency, _SCOPES, ())


async def require_token(request: Request) -> None:
    """Refuse a request without a valid token, unless its endpoint is public."""
    if not is_public(request.scope["endpoint"]):
        _verified(request, request.headers.get("authorization"))


async def _caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
) -> Identity:
    return _verified(request, f"{credentials.scheme} {credentials.credentials}" if credentials else None)


def _verified(request: Request, authorization: str | None) -> Identity:
    verifier: Verifier = request.app.state.verifier
    return verifier.caller(authorization)


Caller = Annotated[Identity, Depends(_caller)]
"""The verified caller; 401 without a valid token for this service."""


def require_scope(*scopes: str) -> Any:
    """A dependency: the caller must hold one of these scopes, else 403."""

    async def check(caller: Caller) -> Identity:
        if caller.scopes.isdisjoint(scopes):
            wanted = " or ".join(scopes)
            raise Problem(403, "scope-missing", f"This needs the scope {wanted}.", scope=scopes[0])
        return caller

    setattr(check, _SCOPES, scopes)
    return Depends(check)
