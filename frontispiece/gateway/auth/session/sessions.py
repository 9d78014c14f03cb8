"""The wiring of sessions: the layer of session routes, and the session's own endpoints."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import NamedTuple, Self

from frontispiece.aio.background import BackgroundTasks
from frontispiece.gateway.auth.oidc import AccessToken, Provider
from frontispiece.gateway.auth.session.context import SessionContext
from frontispiece.gateway.auth.session.create import SessionCreator
from frontispiece.gateway.auth.session.endpoints import BackChannelLogout, Logout, UserInfo
from frontispiece.gateway.auth.session.guest_merge import Authorization, GuestMerge
from frontispiece.gateway.auth.session.invalidation import RevocationList
from frontispiece.gateway.auth.session.layer import GuestSessions, SessionAuth
from frontispiece.gateway.auth.session.login import AuthorizationCodeFlow
from frontispiece.gateway.auth.session.refresh import SessionManager, TokenRefresher
from frontispiece.gateway.auth.session.settings import SessionSettings
from frontispiece.gateway.auth.session.subscriber import Subscriber
from frontispiece.gateway.call import Handler, Layer
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.config.session import Session
from frontispiece.upstream import Reply, Upstream


class Endpoint(NamedTuple):
    """One of the session's own endpoints; its suffix, such as `/login`, follows `[session] path`."""

    method: str
    suffix: str
    handler: Handler


class Sessions:
    """The sessions of browsers; made without I/O, used in `async with`, within that of the provider.

    Args:
        previous: of the table before, whose logouts count and whose streams end here, too.
    """

    def __init__(
        self,
        settings: SessionSettings,
        config: Session,
        *,
        provider: Provider,
        authorization: Authorization,
        upstreams: Mapping[str, Upstream],
        previous: "Sessions | None" = None,
    ) -> None:
        before = previous.context if previous else None
        context = SessionContext(settings, config, provider, before)
        self.context: SessionContext = context
        refresher = TokenRefresher(context)
        manager = SessionManager(context, refresher)
        merge = GuestMerge(context, upstreams=upstreams, authorization=authorization)
        flow = AuthorizationCodeFlow(context, SessionCreator(context, merge, refresher))
        self._auth = SessionAuth(context, manager, GuestSessions(context), merge)
        self._stack = AsyncExitStack()
        self.endpoints = (
            Endpoint("GET", "/login", flow.start),
            Endpoint("GET", "/callback", flow.callback),
            Endpoint("GET", "/user", UserInfo(context, manager).get),
            Endpoint("POST", "/logout", Logout(context, refresher).post),
            Endpoint("POST", "/backchannel-logout", BackChannelLogout(context).post),
        )

    @property
    def revocations(self) -> RevocationList:
        """The ended logins, whose bearer tokens are revoked, too."""
        return self.context.revocations

    def follow(self, reply: Reply, token: AccessToken) -> None:
        """Have a stream end with the login that a token is of."""
        sid, subject, issued_at = token.sid, token.identity.subject, token.claims.get("iat", 0)
        stream = self.context.streams.add(reply, sid=sid, subject=subject, issued_at=issued_at)
        if stream and self.revocations.is_revoked(sid, subject, issued_at):  # meanwhile
            stream.end()

    def layer(self, route: Route) -> Layer:
        """See `SessionAuth.layer`."""
        return self._auth.layer(route)

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.context.store.valkey)
        await self._stack.enter_async_context(self.context.shared_streams)
        await self._stack.enter_async_context(self.context.background)
        subscriber = await self._stack.enter_async_context(BackgroundTasks(shutdown_timeout=0))
        subscriber.start(Subscriber(self.context).run())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()
