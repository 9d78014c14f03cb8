"""The endpoints, and the responses to errors."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from frontispiece.service import public
from services.identity.browser import authorize, login, logout
from services.identity.browser.templates import SECURITY_HEADERS
from services.identity.context import Context
from services.identity.errors import OAuthError, PageError, RedirectError
from services.identity.openapi import DESCRIPTIONS
from services.identity.protocol import endpoints
from services.identity.protocol.authorize import with_query
from services.identity.protocol.endpoints import UNCACHED

Endpoint = Callable[..., Awaitable[Response]]

ENDPOINTS: Final[tuple[tuple[str, str, Endpoint], ...]] = (
    ("GET", "/.well-known/openid-configuration", endpoints.discovery),
    ("GET", "/jwks", endpoints.jwks),
    ("GET", "/userinfo", endpoints.userinfo),
    ("POST", "/userinfo", endpoints.userinfo),
    ("POST", "/token", endpoints.token),
    ("POST", "/revoke", endpoints.revoke),
    ("GET", "/authorize", authorize.authorize),
    ("POST", "/authorize", authorize.authorize),
    ("POST", "/confirm", authorize.confirm),
    ("POST", "/login", login.log_in),
    ("GET", "/register", login.registration_page),
    ("POST", "/register", login.register),
    ("GET", "/password", login.password_page),
    ("POST", "/password", login.change_password),
    ("GET", "/logout", logout.log_out),
    ("POST", "/logout", logout.log_out),
)
"""All are public: callers authenticate themselves here, by this service's own means."""


def add_endpoints(app: FastAPI, context: Context) -> None:
    """Add the endpoints and the error responses to the app."""
    app.state.context = context
    for method, path, endpoint in ENDPOINTS:
        described = DESCRIPTIONS[method, path]
        app.add_api_route(
            path,
            public(endpoint),
            methods=[method],
            response_model=None,
            response_class=Response,  # what each has, `responses` say
            responses=described.responses,
            openapi_extra=described.extra,
        )

    async def render(_request: Request, error: Exception) -> Response:
        if isinstance(error, OAuthError):
            body = {"error": error.error, "error_description": str(error)}
            return JSONResponse(body, error.status, {**UNCACHED, **error.headers})
        if isinstance(error, RedirectError):
            parameters = {"error": error.error, "error_description": str(error), "state": error.state}
            url = with_query(error.redirect_uri, **parameters, iss=context.settings.issuer)
            return RedirectResponse(url, 303, SECURITY_HEADERS)
        assert isinstance(error, PageError)
        response = context.templates.page(
            "message", status=error.status, heading=error.title, text=str(error), is_error=True
        )
        response.headers.update(error.headers)
        return response

    for kind in (OAuthError, RedirectError, PageError):
        app.add_exception_handler(kind, render)
