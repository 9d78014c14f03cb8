"""Logout in the browser (OpenID Connect RP-Initiated Logout 1.0)."""

from dataclasses import dataclass
from typing import Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from frontispiece.security import InvalidToken
from services.identity.browser.forms import (
    CSRF_FIELD,
    SESSION_COOKIE,
    Fields,
    check_csrf,
    csrf_token,
    read_cookie,
    read_fields,
)
from services.identity.browser.templates import SECURITY_HEADERS, set_cookie
from services.identity.context import Context, Provided
from services.identity.errors import PageError
from services.identity.model import SsoSession
from services.identity.protocol.authorize import check_state, with_query

PARAMETERS: Final = ("client_id", "post_logout_redirect_uri", "state", "id_token_hint", "logout_hint")


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoutRequest:
    """A logout.

    Args:
        redirect_uri: the client's, with its `state`; None to stay here.
        sid: the grant that the client names.
        fields: its parameters, as hidden fields carry them on.
    """

    redirect_uri: str | None
    sid: str | None
    fields: Fields


async def log_out(request: Request, context: Provided) -> Response:
    """Log the browser out: at once when the client names the user's grant, otherwise after a confirmation."""
    fields = await read_fields(request)
    logout_request = await _parse(context, fields)
    session = await context.sso_sessions.get(read_cookie(request, SESSION_COOKIE))
    if "confirmed" in fields and CSRF_FIELD in fields and request.method == "POST":
        check_csrf(request, fields, context.settings)
        return await _log_out(context, session, logout_request)
    # Another site's form comes without the session cookie: it does not show whether a user is logged in.
    is_unknown = session is None and request.method == "POST"
    if not is_unknown and (session is None or await _names_grant(context, session, logout_request)):
        return await _log_out(context, session, logout_request)
    return context.templates.form(
        "logout", csrf_token(request), redirects_to=logout_request.redirect_uri, fields=logout_request.fields
    )


async def _log_out(context: Context, session: SsoSession | None, logout_request: LogoutRequest) -> Response:
    if session is not None:
        await context.sso_sessions.end(session)
        if logout_request.sid is not None and await _names_grant(context, session, logout_request):
            await context.grants.end(logout_request.sid)  # it may have come from an earlier session
    response: Response
    if logout_request.redirect_uri is not None:
        response = RedirectResponse(logout_request.redirect_uri, 303, SECURITY_HEADERS)
    else:
        response = context.templates.page(
            "message", heading="You are logged out", text="You can close this page.", is_error=False
        )
    set_cookie(response, SESSION_COOKIE, "", max_age=0)
    return response


async def _names_grant(context: Context, session: SsoSession, logout_request: LogoutRequest) -> bool:
    """Whether the client names a grant of the user who is logged in: nobody else can know its id."""
    return (
        logout_request.sid is not None and await context.grants.owner(logout_request.sid) == session.user_id
    )


async def _parse(context: Context, fields: Fields) -> LogoutRequest:
    hint = await _hint(context, fields.get("id_token_hint"))
    client_id = fields.get("client_id", hint.get("aud"))
    if hint and hint["aud"] != client_id:
        raise PageError(400, "Unknown app", "The app that sent you here is not the one that it says.")
    return LogoutRequest(
        redirect_uri=_redirect_uri(context, client_id, fields),
        sid=hint.get("sid", fields.get("logout_hint")),
        fields={name: fields[name] for name in PARAMETERS if name in fields},
    )


def _redirect_uri(context: Context, client_id: str | None, fields: Fields) -> str | None:
    uri = fields.get("post_logout_redirect_uri")
    if uri is None:
        return None
    client = context.settings.clients.get(client_id or "")
    if client is None or uri not in client.post_logout_redirect_uris:
        raise PageError(400, "Unknown address", "The app that sent you here has given an unknown address.")
    check_state(fields)
    return with_query(uri, state=fields.get("state"))


async def _hint(context: Context, token: str | None) -> dict[str, str]:
    """The claims of an ID token; none when it is invalid or its key is gone: the user must confirm then."""
    if token is None:
        return {}
    try:
        return await context.tokens.read_id_token_hint(token)
    except InvalidToken:
        return {}
