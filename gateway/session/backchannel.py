"""The issuer tells of logouts elsewhere (OpenID Connect Back-Channel Logout 1.0)."""

import logging
from typing import Final

from gateway.call import Call
from gateway.oidc import LogoutToken, Provider
from gateway.session.answers import Unreadable, fields, json
from gateway.session.caching import NO_STORE
from gateway.session.copies import Copies
from gateway.session.revoked import Revoked
from gateway.session.store import Store
from gateway.upstream import Reply
from kit.tokens import InvalidToken

log = logging.getLogger(__name__)

LONGEST: Final = 16 * 1024
"""Bytes of a form at most."""

FORM: Final = b"application/x-www-form-urlencoded"


class Refused(Exception):
    """The request is not what it should be; the message says why."""


class BackChannel:
    """Ends what the issuer says has ended: sessions here, and what bearer tokens of that login are worth.

    What is no valid request is answered 400, as the standard says; when it cannot be known or done, 503, so
    that the issuer knows that another try is worth its while.

    Args:
        provider: the issuer.
        audiences: clients whose logouts it tells of.
        store: keeps sessions.
        copies: what this process believes of them.
        revoked: what it knows of ended logins.
    """

    def __init__(
        self,
        *,
        provider: Provider,
        audiences: frozenset[str],
        store: Store,
        copies: Copies,
        revoked: Revoked,
    ) -> None:
        self._provider = provider
        self._audiences = audiences
        self._store = store
        self._copies = copies
        self._revoked = revoked

    async def end(self, call: Call) -> Reply:
        """End the sessions of a login, or of a user when no login is named."""
        try:
            await self._end(await _token(call))
        except (Refused, InvalidToken) as fault:
            log.warning("a logout that the issuer tells of is refused: %s", fault)
            return json({"error": "invalid_request", "error_description": str(fault)}, 400)
        return Reply.whole(200, b"", [NO_STORE])

    async def _end(self, token: str) -> None:
        ended: LogoutToken = await self._provider.logout_token(token, self._audiences)
        subject = ended.sub if ended.sid is None else None
        mark = f"logout {ended.jti}"
        if not await self._store.end_login(sid=ended.sid, subject=subject, at=ended.iat, mark=mark):
            raise Refused("The logout token was used before")
        self._copies.drop_login(sid=ended.sid, subject=subject)
        self._revoked.add(sid=ended.sid, subject=subject, at=ended.iat)


async def _token(call: Call) -> str:
    kind = (call.header(b"content-type") or b"").partition(b";")[0].strip().lower()
    if kind != FORM:
        raise Refused("The request is no form")
    content = bytearray()
    if isinstance(call.body, bytes):
        content += call.body
    else:
        async for chunk in call.body:
            content += chunk
            if len(content) > LONGEST:
                raise Refused("The form is too long")
    try:
        token = fields(bytes(content)).get("logout_token")
    except Unreadable as fault:
        raise Refused(f"The form cannot be read: {fault}") from None
    if not token:
        raise Refused("The form has no logout_token")
    return token
