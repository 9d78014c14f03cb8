"""The authentication layer of `auth = "session"` routes, and the sessions of guests."""

import secrets
from datetime import timedelta
from functools import partial
from typing import Final

from frontispiece import clocks
from frontispiece.gateway.auth.caller import network_of
from frontispiece.gateway.auth.requirements import Requirements
from frontispiece.gateway.auth.session import cookies, csrf
from frontispiece.gateway.auth.session.context import SessionContext
from frontispiece.gateway.auth.session.guest_merge import GuestMerge
from frontispiece.gateway.auth.session.record import SessionRecord
from frontispiece.gateway.auth.session.refresh import SessionManager
from frontispiece.gateway.auth.session.responses import set_cache_headers
from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.policies.rate_limit.buckets import SECOND, Buckets
from frontispiece.gateway.policies.rate_limit.config import Limit
from frontispiece.http.headers import CREDENTIALS, SAFE_METHODS
from frontispiece.http.problems import Problem
from frontispiece.security import ANONYMOUS, GUEST_PREFIX, Identity
from frontispiece.upstream import Headers, Reply

REMOVED: Final = CREDENTIALS | {csrf.HEADER}
"""Request headers that services do not get."""

GUEST_SCOPES: Final = frozenset({"guest"})

IDLE_TIMEOUT: Final = timedelta(days=30)
"""How long a guest's session lasts without a request; its cookie usually ends earlier, with the browser."""

ABSOLUTE_TIMEOUT: Final = timedelta(days=365)

NEW_GUESTS: Final = Limit.model_validate({"rate": "60/minute", "by": "address"})
"""Each is stored for long, and a route's limit by user counts every new guest apart."""


class GuestSessions:
    """Creates the sessions of guests."""

    def __init__(self, context: SessionContext) -> None:
        self._context = context
        self._buckets = Buckets(NEW_GUESTS, clocks.monotonic_ns)

    async def create(self, call: Call) -> SessionRecord:
        """A new guest's session; its cookie is set by the response.

        Raises:
            Problem: 429 `rate-limited`: too many come from this network.
            StoreUnavailable: it cannot be stored.
        """
        left, wait = self._buckets.acquire(network_of(call))
        if left < 0:
            seconds = -(-wait // SECOND)
            detail = f"Too many new guests: try again in {seconds} s."
            raise Problem(429, "rate-limited", detail, headers={"Retry-After": str(seconds)})
        session_id = cookies.new_session_id()
        key = cookies.store_key(session_id)
        session = SessionRecord(
            subject=f"{GUEST_PREFIX}{secrets.token_urlsafe(16)}",
            scopes=GUEST_SCOPES,
            ends_at=self._context.clock() + ABSOLUTE_TIMEOUT.total_seconds(),
            idle_timeout=IDLE_TIMEOUT.total_seconds(),
        )
        epoch = self._context.cache.epoch
        await self._context.store.put_guest(key, session)
        self._context.cache.put(key, session, epoch=epoch)
        headers = call.response_headers
        headers[:] = [field for field in headers if field != cookies.delete_session(cookies.GUEST)]
        headers.append(cookies.set_session(session_id, cookies.GUEST))
        return session


class SessionAuth:
    """Identifies callers by their session cookie: users, and guests where a route allows them."""

    def __init__(
        self, context: SessionContext, manager: SessionManager, guests: GuestSessions, merge: GuestMerge
    ) -> None:
        self._context = context
        self._manager = manager
        self._guests = guests
        self._merge = merge

    def layer(self, route: Route) -> Layer:
        """Require a session with what the route asks of users, and set `call.identity`."""
        required = frozenset(route.scopes)
        requirements = Requirements.of(route, self._context.url("/login"))
        identify = self._guest if route.guest else partial(self._user, requirements)

        def layer(inner: Handler) -> Handler:
            async def handle(call: Call) -> Reply:
                headers, epoch = call.headers, self._context.cache.epoch
                session = await identify(call)
                identity = ANONYMOUS if session is None else self._identity(session)
                if not identity.is_guest and (missing := required - identity.scopes):
                    scope = " ".join(sorted(missing))
                    raise Problem(403, "scope-missing", f"This needs the scope {scope}.", scope=scope)
                call.identity = identity
                call.headers = [field for field in call.headers if field[0] not in REMOVED]
                reply = await inner(call)
                if session is not None and not isinstance(reply.body, bytes):
                    await self._follow(reply, headers, session, epoch)
                set_cache_headers(
                    reply,
                    private=identity is not ANONYMOUS,
                    sets_cookie=b"set-cookie" in dict(call.response_headers),
                )
                return reply

            return handle

        return layer

    async def _follow(self, reply: Reply, headers: Headers, session: SessionRecord, epoch: int) -> None:
        """Have a stream end with the session, which was found in this epoch."""
        context = self._context
        key = cookies.session_key(headers, cookies.GUEST if session.is_guest else cookies.SESSION)
        context.streams.add(
            reply,
            sid=session.sid,
            subject=session.subject,
            issued_at=session.issued_at,
            key=key,
            expires_at=min(context.clock() + session.idle_timeout, session.ends_at),
        )
        if key is None or epoch == context.cache.epoch:
            return
        try:
            has_ended = await context.store.peek(key) is None
        except BaseException:
            await reply.release()
            raise
        if has_ended:  # while the stream began
            context.end_session(key)

    async def _user(self, requirements: Requirements | None, call: Call) -> SessionRecord:
        """The session of a user who meets these requirements.

        Raises:
            Problem: 401 `session-missing`, `session-ended` or `insufficient-user-authentication`;
                403: the call is another site's, or `claim-missing`.
        """
        key = cookies.session_key(call.headers)
        if key is None:
            raise self._unauthorized("session-missing", "This needs a login.")
        session = await self._session(call, key)
        if session is None:
            raise self._unauthorized("session-ended", "The session has ended: this needs a login.")
        if session.is_guest:
            raise self._unauthorized("session-missing", "This needs a login.")
        if requirements is not None:
            requirements.check(session.claims)
        return session

    async def _guest(self, call: Call) -> SessionRecord | None:
        """The session of the user or the guest; None as long as nothing of the guest has to be stored.

        Raises:
            Problem: 403: the call is another site's.
        """
        key = cookies.session_key(call.headers)
        guest_key = cookies.session_key(call.headers, cookies.GUEST)
        is_safe = call.method in SAFE_METHODS
        if is_safe and ((key is None and guest_key is None) or not csrf.has_csrf_header(call)):
            return None
        csrf.check(call, self._context.origin)
        session = None if key is None else await self._session(call, key)
        if session is None and guest_key is not None:
            session = await self._known_guest(call, guest_key)
        if session is None and is_safe:
            return None
        return session or await self._guests.create(call)

    async def _session(self, call: Call, key: str) -> SessionRecord | None:
        csrf.check(call, self._context.origin)
        session = await self._manager.get(key)
        if session is None:
            if (
                await self._context.store.replaced_by(key) is None
            ):  # the browser has the new one's cookie by now
                call.response_headers.append(cookies.delete_session())
            return None
        guest_key = cookies.session_key(call.headers, cookies.GUEST)
        if guest_key is not None and not session.is_guest:
            session = await self._adopt(call, key, session, guest_key)
        if session.merged_guest is not None:
            self._merge.start(key, session, call.request_id)
        return session

    async def _adopt(self, call: Call, key: str, session: SessionRecord, guest_key: str) -> SessionRecord:
        """Merge the guest of a call that was under way during the login."""
        adopting = await self._merge.adopt(key, session, guest_key)
        if adopting is None:
            return session
        call.response_headers.append(cookies.delete_session(cookies.GUEST))
        return adopting

    async def _known_guest(self, call: Call, key: str) -> SessionRecord | None:
        session = await self._manager.get(key)
        if session is not None and session.is_guest:
            return session
        call.response_headers.append(cookies.delete_session(cookies.GUEST))
        return None

    def _identity(self, session: SessionRecord) -> Identity:
        return session.identity(self._context.settings.client_id)

    def _unauthorized(self, kind: str, detail: str) -> Problem:
        return Problem(401, kind, detail, login_url=self._context.url("/login"))
