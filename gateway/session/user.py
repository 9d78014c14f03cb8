"""`GET /user`: who is logged in, as our own pages ask."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from gateway.call import Call
from gateway.session import cookies, guard
from gateway.session.answers import json
from gateway.session.keeper import Keeper
from gateway.upstream import Reply


class User:
    """Tells who is logged in.

    Args:
        keeper: finds sessions, as calls do: what is told here holds for them too.
        origin: where our own pages are.
        logout: the path that logs out.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self, *, keeper: Keeper, origin: str, logout: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._keeper = keeper
        self._origin = origin.encode()
        self._logout = logout
        self._clock = clock

    async def tell(self, call: Call) -> Reply:
        """The user's claims, and when the session ends without a call; `null` when nobody has logged in."""
        key = cookies.session_key(call.headers)
        if key is None:
            return json(None)
        guard.check(call, self._origin)
        found = await self._keeper.look(key)
        if found is None:
            call.told.append(cookies.NO_SESSION)
            return json(None)
        session, left = found
        if session.is_guest:
            return json(None)
        ends = datetime.fromtimestamp(self._clock() + left, UTC)
        return json(
            session.claims
            | {
                "sub": session.subject,
                "scopes": sorted(session.scopes),
                "expires_at": ends.isoformat(timespec="seconds").replace("+00:00", "Z"),
                "expires_in": int(left),
                "logout_url": self._logout,
            }
        )
