"""Authorization in the browser: a code for a user who is logged in, who may have to confirm it first."""

from dataclasses import replace
from typing import Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from frontispiece.security import InvalidToken
from services.identity.browser.forms import (
    SESSION_COOKIE,
    Fields,
    check_csrf,
    csrf_token,
    read_cookie,
    read_fields,
)
from services.identity.browser.templates import SECURITY_HEADERS
from services.identity.context import Context, Provided
from services.identity.model import SsoSession, User, grantable
from services.identity.protocol.authorize import AuthorizationRequest, parse_request, with_query

ACCOUNT: Final = "account"
"""The form field with the user whom the page has shown."""


async def authorize(request: Request, context: Provided) -> Response:
    """Redirect to the client with a code, when a user is logged in and need not be asked; otherwise ask."""
    fields = await read_fields(request)
    authorization = parse_request(fields, context.settings)
    session, user = await _logged_in(context, request, authorization, fields)
    is_interactive = "none" not in authorization.prompts
    if session is not None and user is not None and "login" not in authorization.prompts:
        if authorization.needs_confirmation and is_interactive:
            return confirmation_page(context, request, authorization, user)
        if authorization.needs_confirmation:
            raise authorization.error(
                "interaction_required", "The user must be asked: any app can pose as this."
            )
        if (response := await code_response(context, session, user, authorization)) is not None:
            return response
    if not is_interactive:
        raise authorization.error("login_required", "No user is logged in, or not recently enough.")
    return login_page(context, request, authorization, username=authorization.login_hint)


async def confirm(request: Request, context: Provided) -> Response:
    """Redirect with a code when the user agrees, without one when not; or show the login page."""
    fields = await read_fields(request)
    check_csrf(request, fields, context.settings)
    authorization = parse_request(fields, context.settings)
    decision = fields.get("decision")
    if decision == "deny":
        raise authorization.error("access_denied", "The user does not agree.")
    session, user = await _logged_in(context, request, authorization, fields)
    if session is None or user is None or decision != "allow" or "login" in authorization.prompts:
        return login_page(context, request, authorization)
    if user.id != fields.get(ACCOUNT):  # another one has logged in meanwhile
        return confirmation_page(context, request, authorization, user)
    response = await code_response(context, session, user, authorization)
    return response or login_page(context, request, authorization)


async def code_response(
    context: Context, session: SsoSession, user: User, authorization: AuthorizationRequest
) -> Response | None:
    """The redirect with a code for those scopes that the user has; None when the session has ended."""
    scopes = grantable(authorization.requested.scopes, user.scopes)
    code = await context.grants.create_code(session, replace(authorization.requested, scopes=scopes))
    if code is None:
        return None
    issuer = context.settings.issuer  # RFC 9207: the client knows whose code it is
    url = with_query(authorization.requested.redirect_uri, code=code, state=authorization.state, iss=issuer)
    return RedirectResponse(url, 303, SECURITY_HEADERS)


def login_page(
    context: Context,
    request: Request,
    authorization: AuthorizationRequest,
    *,
    username: str = "",
    error: str = "",
) -> Response:
    """The page with the login form; 400 with an error."""
    return form_page("login", context, request, authorization, username=username, error=error)


def confirmation_page(
    context: Context, request: Request, authorization: AuthorizationRequest, user: User
) -> Response:
    """The page on which a user who is logged in agrees, declines, or changes the account."""
    scopes = grantable(authorization.requested.scopes, user.scopes)
    fields = {**authorization.fields, ACCOUNT: user.id}
    shown = replace(authorization, fields=fields)
    return form_page(
        "confirm",
        context,
        request,
        shown,
        username=user.name,
        name=user.display_name,
        scopes=" ".join(scopes),
    )


def form_page(
    name: str, context: Context, request: Request, authorization: AuthorizationRequest, /, **variables: str
) -> Response:
    """A page whose form carries the request on."""
    return context.templates.form(
        name,
        csrf_token(request),
        redirects_to=authorization.requested.redirect_uri,
        fields=authorization.fields,
        app=authorization.app,
        **variables,
    )


async def _logged_in(
    context: Context, request: Request, authorization: AuthorizationRequest, fields: Fields
) -> tuple[SsoSession | None, User | None]:
    """The browser's session and user, if they are recent enough and those whom the client expects."""
    session = await context.sso_sessions.get(read_cookie(request, SESSION_COOKIE))
    if session is None or not _is_recent(session, authorization, context.clock()):
        return None, None
    if not await _matches_hint(context, session, fields.get("id_token_hint")):
        return None, None
    return session, await context.users.get(session.user_id)


def _is_recent(session: SsoSession, authorization: AuthorizationRequest, now: float) -> bool:
    return authorization.max_age is None or now - session.auth_time <= authorization.max_age


async def _matches_hint(context: Context, session: SsoSession, hint: str | None) -> bool:
    """Whether the client's ID token, if any, is this user's (OpenID Connect Core 1.0, 3.1.2.1)."""
    if hint is None:
        return True
    try:
        return bool((await context.tokens.read_id_token_hint(hint))["sub"] == session.user_id)
    except InvalidToken:
        return False
