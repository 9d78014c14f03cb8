"""What a session route lets pass: calls of our own pages: of users, and of guests where they may come."""

import secrets
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

from gateway.call import Call, Handler, Layer
from gateway.layers.limit import CALLER_OF, SECOND, Buckets
from gateway.session import cookies, guard
from gateway.session.adoption import Adoption
from gateway.session.caching import keep_apart
from gateway.session.copies import Copies
from gateway.session.keeper import Keeper
from gateway.session.record import Session
from gateway.session.store import Store
from gateway.table import By, Limit
from gateway.upstream import Reply
from kit.problems import Problem
from kit.tokens import GUEST, NOBODY, Identity

GUEST_SCOPES: Final = frozenset({"guest"})

GUEST_IDLE: Final = timedelta(days=30)
"""How long a guest is remembered without a call; the cookie mostly ends earlier, with the browser."""

GUEST_LASTS: Final = timedelta(days=365)

NEW_GUESTS: Final = Limit.model_validate({"rate": "60/minute", "by": "address"})
"""Each is remembered for long, and a route's limit by user does not see that one guest is the next."""

STOPS_HERE: Final = frozenset({b"cookie", b"authorization", guard.HEADER})
"""What proves to the gateway who is calling; services are told otherwise."""


class Guests:
    """Guests of whom something is to be kept.

    Args:
        store: keeps their sessions.
        copies: what this process believes of sessions.
        clock: the time in seconds since 1970.
    """

    def __init__(self, store: Store, copies: Copies, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._copies = copies
        self._clock = clock
        self._buckets = Buckets(NEW_GUESTS, time.monotonic_ns)

    async def new(self, call: Call) -> Session:
        """A session for somebody who had none; its cookie comes with the answer.

        Raises:
            Problem: 429 `rate-limited`: too many come from there.
            StoreUnavailable: it cannot be kept.
        """
        left, wait = self._buckets.take(CALLER_OF[By.ADDRESS](call))
        if left < 0:
            seconds = -(-wait // SECOND)
            detail = f"Too many new guests: come again in {seconds} s."
            raise Problem(429, "rate-limited", detail, headers={"Retry-After": str(seconds)})
        session_id = cookies.new_id()
        key = cookies.key_of(session_id)
        session = Session(
            subject=f"{GUEST}{secrets.token_urlsafe(16)}",
            scopes=GUEST_SCOPES,
            ends=self._clock() + GUEST_LASTS.total_seconds(),
            idle=GUEST_IDLE.total_seconds(),
        )
        as_of = self._copies.dropped
        await self._store.put_guest(key, session)
        self._copies.put(key, session, as_of=as_of)
        call.told[:] = [field for field in call.told if field != cookies.NO_SESSION]
        call.told.append(cookies.session(session_id))
        return session


class Gate:
    """Makes the layers of session routes.

    Args:
        keeper: finds sessions.
        guests: makes those of guests.
        adoption: goes on with what a login has left to do.
        origin: where our own pages are.
        client: the acting client in identities.
        login: where people log in.
    """

    def __init__(
        self,
        *,
        keeper: Keeper,
        guests: Guests,
        adoption: Adoption,
        origin: str,
        client: str,
        login: str,
    ) -> None:
        self._keeper = keeper
        self._guests = guests
        self._adoption = adoption
        self._origin = origin.encode()
        self._client = client
        self._login = login

    def layer(self, scopes: Iterable[str], *, guest: bool) -> Layer:
        """Let only calls with a session of these scopes through; with `guest`, those of guests too."""
        needed = frozenset(scopes)
        identified = self._guest if guest else self._user

        def layer(inner: Handler) -> Handler:
            async def handle(call: Call) -> Reply:
                identity = await identified(call)
                if not identity.is_guest and (missing := needed - identity.scopes):
                    wanted = " ".join(sorted(missing))
                    raise Problem(403, "scope-missing", f"This needs the scope {wanted}.", scope=wanted)
                call.identity = identity
                call.headers = [field for field in call.headers if field[0] not in STOPS_HERE]
                reply = await inner(call)
                keep_apart(
                    reply,
                    somebodys=identity is not NOBODY,
                    sets_cookie=any(name == b"set-cookie" for name, _ in call.told),
                )
                return reply

            return handle

        return layer

    async def _user(self, call: Call) -> Identity:
        """The user who has logged in.

        Raises:
            Problem: 401 `session-missing` or `session-ended`: nobody has. 403: the call is another site's.
        """
        key = cookies.session_key(call.headers)
        if key is None:
            raise self._refusal("session-missing", "This needs a login.")
        session = await self._session(call, key)
        if session is None:
            raise self._refusal("session-ended", "The session has ended: this needs a login.")
        if session.is_guest:
            raise self._refusal("session-missing", "This needs a login.")
        return session.identity(self._client)

    async def _guest(self, call: Call) -> Identity:
        """The user, or the guest: nobody in particular as long as nothing of theirs has to be kept.

        Raises:
            Problem: 403: the call is another site's.
        """
        key = cookies.session_key(call.headers)
        if call.method in guard.SAFE and (key is None or not guard.is_marked(call)):
            return NOBODY
        if key is None:
            guard.check(call, self._origin)
            return (await self._guests.new(call)).identity(self._client)
        session = await self._session(call, key)
        if session is None:
            if call.method in guard.SAFE:
                return NOBODY
            session = await self._guests.new(call)
        return session.identity(self._client)

    async def _session(self, call: Call, key: str) -> Session | None:
        guard.check(call, self._origin)
        session = await self._keeper.session(key)
        if session is None:
            call.told.append(cookies.NO_SESSION)
        elif session.adopts is not None:
            self._adoption.soon(key, session, call.request_id)
        return session

    def _refusal(self, kind: str, detail: str) -> Problem:
        return Problem(401, kind, detail, login_url=self._login)
