"""What a guest leaves behind, such as a basket, is handed to the user who the guest turned out to be."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from cachetools import TTLCache

from gateway.session.background import Background
from gateway.session.record import Session
from gateway.session.store import Store
from gateway.table import Target
from gateway.upstream import Request, Upstream, UpstreamError
from kit.problems import Problem
from kit.tokens import Identity

log = logging.getLogger(__name__)

PATIENCE: Final = 2.0
"""Seconds that a login waits for the services."""

TRIED_EVERY: Final = 5.0
"""Seconds between two tries of one session, when a service did not answer."""

MOST_TRIED: Final = 10_000

LATER: Final = frozenset({408, 425, 429})
"""Answers that ask for another try, as those from 500 on do."""

SERVER_ERROR: Final = 500

Authorization = Callable[[Identity, str], bytes]
"""The `Authorization` header of a call on somebody's behalf to a service of the table."""


class Adoption:
    """Tells services that a guest has become a user, until each has said that it knows.

    Telling it again is harmless to them: one that did not answer may have taken over nevertheless.

    Args:
        targets: where each is told.
        upstreams: the services.
        authorization: proves to them who it is.
        client: the acting client.
        store: keeps sessions.
        background: where it goes on when nobody waits.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        upstreams: Mapping[str, Upstream],
        authorization: Authorization,
        client: str,
        store: Store,
        background: Background,
    ) -> None:
        self._targets = targets
        self._upstreams = upstreams
        self._authorization = authorization
        self._client = client
        self._store = store
        self._background = background
        self._tried: TTLCache[str, None] = TTLCache(MOST_TRIED, TRIED_EVERY, time.monotonic)

    @property
    def has_targets(self) -> bool:
        """Whether any service wants to know."""
        return bool(self._targets)

    def soon(self, key: str, session: Session, request_id: bytes) -> asyncio.Task[None] | None:
        """Begin to tell the services, unless that was tried a moment ago."""
        if session.adopts is None or key in self._tried:
            return None
        self._tried[key] = None
        return self._background.start("handing over what a guest had", self._tell(key, session, request_id))

    async def _tell(self, key: str, session: Session, request_id: bytes) -> None:
        identity = session.identity(self._client, adopts=session.adopts)
        async with asyncio.TaskGroup() as telling:
            told = [telling.create_task(self._told(target, identity, request_id)) for target in self._targets]
        if all(task.result() for task in told):
            await self._store.change(key, lambda kept: _without(kept, session.adopts))

    async def _told(self, target: Target, identity: Identity, request_id: bytes) -> bool:
        """Tell one service; whether it has understood."""
        assert target.path is not None, "the table has none without a path"
        request = Request(
            method="POST",
            target=target.path.expand({"user": [identity.subject]}),
            headers=[
                (b"authorization", self._authorization(identity, target.service)),
                (b"x-request-id", request_id),
            ],
            timeout=PATIENCE,
        )
        try:
            async with await self._upstreams[target.service].send(request) as reply:
                status = reply.status
        except (UpstreamError, Problem) as failure:
            log.warning("%s does not take over what a guest had: %s", target.service, failure)
            return False
        if status >= SERVER_ERROR or status in LATER:
            log.warning("%s does not take over what a guest had: it answers %d", target.service, status)
            return False
        return True


def _without(session: Session, adopts: str | None) -> Session:
    return msgspec.structs.replace(session, adopts=None) if session.adopts == adopts else session
