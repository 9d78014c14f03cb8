"""The endpoints of sessions beside those of the login: who is logged in, and two kinds of logout.

By the user (OpenID Connect RP-Initiated Logout 1.0), and by the issuer (Back-Channel Logout 1.0).
"""

import logging
from datetime import UTC, datetime
from typing import Final

from frontispiece.gateway.auth.oidc import LogoutToken, ProviderUnavailable
from frontispiece.gateway.auth.session import cookies, csrf
from frontispiece.gateway.auth.session.context import SessionContext
from frontispiece.gateway.auth.session.record import SessionRecord
from frontispiece.gateway.auth.session.refresh import SessionManager, TokenRefresher
from frontispiece.gateway.auth.session.responses import (
    NO_STORE,
    InvalidFields,
    json_response,
    read_fields,
    with_query,
)
from frontispiece.gateway.call import Call
from frontispiece.http.messages import BodyTooLarge, read_whole
from frontispiece.security import InvalidToken
from frontispiece.upstream import Reply

log = logging.getLogger(__name__)

MAX_FORM_BYTES: Final = 16 * 1024

FORM: Final = b"application/x-www-form-urlencoded"


class UserInfo:
    """The endpoint `/user`."""

    def __init__(self, context: SessionContext, manager: SessionManager) -> None:
        self._context = context
        self._manager = manager

    async def get(self, call: Call) -> Reply:
        """The user's claims, and when the session ends without a call; `null` when nobody is logged in."""
        key = cookies.session_key(call.headers)
        if key is None:
            return json_response(None)
        csrf.check(call, self._context.origin)
        found = await self._manager.peek(key)
        if found is None:
            if await self._context.store.replaced_by(key) is None:
                call.response_headers.append(cookies.delete_session())
            return json_response(None)
        session, left = found
        if session.is_guest:
            return json_response(None)
        expires_at = datetime.fromtimestamp(self._context.clock() + left, UTC)
        return json_response(
            session.claims
            | {
                "sub": session.subject,
                "scopes": sorted(session.scopes),
                "expires_at": expires_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
                "expires_in": int(left),
                "logout_url": self._context.url("/logout"),
            }
        )


class Logout:
    """The endpoint `/logout`."""

    def __init__(self, context: SessionContext, refresher: TokenRefresher) -> None:
        self._context = context
        self._refresher = refresher

    async def post(self, call: Call) -> Reply:
        """End the sessions, and respond with the URL at which the browser logs out at the issuer."""
        csrf.check(call, self._context.origin)
        session = None
        for name in (cookies.GUEST, cookies.SESSION):
            if (key := cookies.session_key(call.headers, name)) is not None:
                session = await self._end(key)
                call.response_headers.append(cookies.delete_session(name))
        reply = json_response({"logout_url": await self._url(session)})
        if cleared := self._context.config.clear_site_data:
            reply.headers.append((b"clear-site-data", ", ".join(f'"{each}"' for each in cleared).encode()))
        return reply

    async def _end(self, key: str) -> SessionRecord | None:
        found = await self._context.store.peek(key)
        self._context.end_session(key)
        if found is None:
            return None
        await self._context.store.end(key)
        self._refresher.revoke_in_background(found[0])
        return found[0]

    async def _url(self, session: SessionRecord | None) -> str | None:
        """Where the issuer ends the login, without a token in it; None when it has no such endpoint."""
        try:
            endpoint = (await self._context.provider.metadata()).end_session_endpoint
        except ProviderUnavailable as failure:  # the session has ended nevertheless
            log.warning("a logout ends at the gateway: %s", failure)
            return None
        if endpoint is None:
            return None
        settings = self._context.settings
        query = {"client_id": settings.client_id, "post_logout_redirect_uri": f"{settings.origin}/"}
        if session is not None and session.sid is not None:
            query["logout_hint"] = session.sid
        return with_query(endpoint, query)


class InvalidLogoutRequest(Exception):
    """A back-channel request that is malformed or was sent before."""


class BackChannelLogout:
    """The endpoint `/backchannel-logout`.

    An invalid request is answered 400, as the standard says; 503 tells the issuer to try again.
    """

    def __init__(self, context: SessionContext) -> None:
        self._context = context

    async def post(self, call: Call) -> Reply:
        """End the sessions and revoke the bearer tokens of a login, or of a user when no login is named."""
        try:
            await self._end(await _logout_token(call))
        except (InvalidLogoutRequest, InvalidToken) as error:
            log.warning("a back-channel logout is refused: %s", error)
            return json_response({"error": "invalid_request", "error_description": str(error)}, 400)
        return Reply.whole(200, b"", [NO_STORE])

    async def _end(self, token: str) -> None:
        context = self._context
        logout: LogoutToken = await context.provider.logout_token(token, context.settings.audiences)
        subject = logout.sub if logout.sid is None else None
        if not await context.store.end_login(sid=logout.sid, subject=subject, at=logout.iat, jti=logout.jti):
            raise InvalidLogoutRequest("The logout token was used before")
        context.end_login(sid=logout.sid, subject=subject, at=logout.iat)


async def _logout_token(call: Call) -> str:
    media_type = (call.header(b"content-type") or b"").partition(b";")[0].strip().lower()
    if media_type != FORM:
        raise InvalidLogoutRequest("The request is no form")
    try:
        token = read_fields(await read_whole(call.body, MAX_FORM_BYTES)).get("logout_token")
    except BodyTooLarge:
        raise InvalidLogoutRequest("The form is too long") from None
    except InvalidFields as error:
        raise InvalidLogoutRequest(f"The form cannot be read: {error}") from None
    if not token:
        raise InvalidLogoutRequest("The form has no logout_token")
    return token
