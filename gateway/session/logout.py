"""Logging out: here at once, and at the issuer by the browser (OpenID Connect RP-Initiated Logout 1.0)."""

import logging

from gateway.call import Call
from gateway.oidc import Provider, ProviderUnavailable
from gateway.session import cookies, guard
from gateway.session.answers import json, with_query
from gateway.session.background import Background
from gateway.session.copies import Copies
from gateway.session.record import Session
from gateway.session.refresh import Refresher
from gateway.session.store import Store
from gateway.upstream import Reply

log = logging.getLogger(__name__)


class Logout:
    """Ends sessions that their users end.

    Args:
        store: keeps sessions.
        copies: what this process believes of them.
        refresher: gives back tokens.
        background: where that goes on.
        provider: the issuer.
        client_id: by which it knows this gateway.
        origin: where our own pages are.
    """

    def __init__(
        self,
        *,
        store: Store,
        copies: Copies,
        refresher: Refresher,
        background: Background,
        provider: Provider,
        client_id: str,
        origin: str,
    ) -> None:
        self._store = store
        self._copies = copies
        self._refresher = refresher
        self._background = background
        self._provider = provider
        self._client_id = client_id
        self._origin = origin

    async def end(self, call: Call) -> Reply:
        """End the session, if there is one, and tell where the browser logs out at the issuer too."""
        guard.check(call, self._origin.encode())
        key = cookies.session_key(call.headers)
        session = None
        if key is not None:
            session = await self._ended(key)
            call.told.append(cookies.NO_SESSION)
        return json({"logout_url": await self._url(session)})

    async def _ended(self, key: str) -> Session | None:
        found = await self._store.look(key)
        self._copies.drop(key)
        if found is None:
            return None
        await self._store.end(key)
        session, _ = found
        if session.refresh_token is not None:
            giving = self._refresher.give_back(session.refresh_token)
            self._background.start("giving tokens back", giving)
        return session

    async def _url(self, session: Session | None) -> str | None:
        """Where the issuer ends the login itself; there is no token in it. None when it has no such place."""
        try:
            endpoint = (await self._provider.metadata()).end_session_endpoint
        except ProviderUnavailable as failure:  # the session has ended nevertheless
            log.warning("a logout ends at the gateway: %s", failure)
            return None
        if endpoint is None:
            return None
        query = {"client_id": self._client_id, "post_logout_redirect_uri": f"{self._origin}/"}
        if session is not None and session.sid is not None:
            query["logout_hint"] = session.sid
        return with_query(endpoint, query)
