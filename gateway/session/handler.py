"""The token handler as the gateway wires it: the layer of session routes, and what it answers itself."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from gateway.call import Handler, Layer
from gateway.oidc import Provider
from gateway.session.adoption import Adoption, Authorization
from gateway.session.backchannel import BackChannel
from gateway.session.background import Background
from gateway.session.copies import Copies
from gateway.session.entering import Entering
from gateway.session.keeper import Keeper
from gateway.session.layer import Gate, Guests
from gateway.session.login import Login
from gateway.session.logout import Logout
from gateway.session.news import Ended, Subscriber
from gateway.session.refresh import Refresher
from gateway.session.revoked import Revoked
from gateway.session.server import Server
from gateway.session.settings import SessionSettings
from gateway.session.store import Store
from gateway.session.user import User
from gateway.table import Session
from gateway.upstream import Upstream
from kit.sealing import Ring


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """What the handler answers itself.

    Args:
        method: the HTTP method.
        suffix: what follows the table's `[session] path`, such as `/login`.
        handler: answers.
    """

    method: str
    suffix: str
    handler: Handler


class Sessions:
    """Sessions of browsers; made without I/O, used in `async with`, within that of the provider.

    Args:
        settings: complete: `settings.faults()` has none.
        session: the table's section.
        provider: who logs people in.
        authorization: the `Authorization` header of a call on somebody's behalf to a service of the table.
        upstreams: the services that are told when a guest logs in.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self,
        settings: SessionSettings,
        session: Session,
        *,
        provider: Provider,
        authorization: Authorization,
        upstreams: Mapping[str, Upstream],
        clock: Callable[[], float] = time.time,
    ) -> None:
        ring = Ring(settings.keys)
        self.revoked = Revoked(clock)
        """Which logins have ended; the verdicts on bearer tokens depend on it too."""
        self._server = Server(settings.valkey_url)
        self._background = Background()
        self._copies = copies = Copies(settings.local_seconds)
        self._store = store = Store(self._server, ring, clock)
        self._news = Subscriber(
            settings.valkey_url, hear=self._heard, catch_up=self._catch_up, lost=self._lost
        )
        self._stack = AsyncExitStack()
        refresher = Refresher(store, copies, provider, self._background, clock)
        keeper = Keeper(store, copies, refresher, clock)
        adoption = Adoption(
            session.adopt,
            upstreams=upstreams,
            authorization=authorization,
            client=settings.client_id,
            store=store,
            background=self._background,
        )
        entering = Entering(
            store=store,
            adoption=adoption,
            refresher=refresher,
            background=self._background,
            idle=session.idle,
            lasts=session.lasts,
            clock=clock,
        )
        login = Login(
            provider=provider,
            entering=entering,
            ring=ring,
            client_id=settings.client_id,
            scopes=tuple(session.scopes),
            callback=f"{settings.origin}{session.path}/callback",
            clock=clock,
        )
        user = User(keeper=keeper, origin=settings.origin, logout=f"{session.path}/logout", clock=clock)
        logout = Logout(
            store=store,
            copies=copies,
            refresher=refresher,
            background=self._background,
            provider=provider,
            client_id=settings.client_id,
            origin=settings.origin,
        )
        back_channel = BackChannel(
            provider=provider,
            audiences=settings.audiences,
            store=store,
            copies=copies,
            revoked=self.revoked,
        )
        self._gate = Gate(
            keeper=keeper,
            guests=Guests(store, copies, clock),
            adoption=adoption,
            origin=settings.origin,
            client=settings.client_id,
            login=f"{session.path}/login",
        )
        self.endpoints = (
            Endpoint(method="GET", suffix="/login", handler=login.begin),
            Endpoint(method="GET", suffix="/callback", handler=login.end),
            Endpoint(method="GET", suffix="/user", handler=user.tell),
            Endpoint(method="POST", suffix="/logout", handler=logout.end),
            Endpoint(method="POST", suffix="/backchannel-logout", handler=back_channel.end),
        )

    def layer(self, scopes: Iterable[str], *, guest: bool) -> Layer:
        """Let only calls with a session of these scopes through; with `guest`, those of guests too."""
        return self._gate.layer(scopes, guest=guest)

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._server)
        self._stack.push_async_callback(self._background.close)
        self._stack.push_async_callback(_ended, asyncio.create_task(self._news.run()))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    def _heard(self, ended: Ended) -> None:
        if ended.key is not None:
            self._copies.drop(ended.key)
            return
        self._copies.drop_login(sid=ended.sid, subject=ended.subject)
        self.revoked.add(sid=ended.sid, subject=ended.subject, at=ended.at)

    async def _catch_up(self) -> None:
        for ended in await self._store.logouts():
            self.revoked.add(sid=ended.sid, subject=ended.subject, at=ended.at)
        self._copies.hear(hears=True)

    def _lost(self) -> None:
        self._copies.hear(hears=False)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
