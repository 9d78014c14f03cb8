"""Merging what a guest has at services into the user that the guest turned out to be."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from frontispiece import clocks
from frontispiece.aio.expiring_cache import ExpiringCache
from frontispiece.gateway.auth.session.context import SessionContext
from frontispiece.gateway.auth.session.record import SessionRecord
from frontispiece.gateway.config.target import Target
from frontispiece.http.paths import encode_segment
from frontispiece.http.problems import Problem
from frontispiece.security import Identity
from frontispiece.upstream import Request, Upstream, UpstreamError

log = logging.getLogger(__name__)

TIMEOUT: Final = 2.0
"""Seconds that a login waits for the services."""

RETRY_INTERVAL: Final = 5.0
"""Seconds between two attempts to merge a guest, when a service did not respond."""

MAX_ATTEMPTED: Final = 10_000

RETRYABLE: Final = frozenset({408, 425, 429})
"""Statuses after which the merge is attempted again, as after those from 500 on."""

SERVER_ERROR: Final = 500

Authorization = Callable[[Identity, str], bytes]
"""The `Authorization` header of a call for this caller to a service of the table."""


class GuestMerge:
    """Calls the `guest_merge` targets after a login, again and again until all have responded.

    A target gets the same call twice when its response is lost: it must be idempotent.
    """

    def __init__(
        self, context: SessionContext, *, upstreams: Mapping[str, Upstream], authorization: Authorization
    ) -> None:
        self._context = context
        self._targets = context.config.guest_merge
        self._upstreams = upstreams
        self._authorization = authorization
        self._attempted: ExpiringCache[tuple[str, str | None], bool] = ExpiringCache(
            MAX_ATTEMPTED, clocks.monotonic
        )

    @property
    def has_targets(self) -> bool:
        """Whether there is anything to call."""
        return bool(self._targets)

    def start(self, key: str, session: SessionRecord, request_id: bytes) -> asyncio.Task[None] | None:
        """Call the targets in the background, unless there is no guest or one attempt was a moment ago."""
        attempt = key, session.merged_guest
        if session.merged_guest is None or self._attempted.get(attempt):
            return None
        self._attempted.put(attempt, value=True, expires_at=clocks.monotonic() + RETRY_INTERVAL)
        return self._context.background.start(self._merge(key, session, request_id), "merging a guest")

    async def adopt(self, key: str, session: SessionRecord, guest_key: str) -> SessionRecord | None:
        """The user's session, in which a guest's that came after its login is merged from now on.

        Returns:
            None while another guest is being merged: the guest's session stays until a later call.
        """
        found = await self._context.store.peek(guest_key)
        if found is None or not found[0].is_guest or not self.has_targets:
            return session
        guest = found[0].subject

        def remember(stored: SessionRecord) -> SessionRecord:
            free = stored.merged_guest is None
            return msgspec.structs.replace(stored, merged_guest=guest) if free else stored

        changed = await self._context.store.change(key, remember)
        if changed is None or changed.merged_guest != guest:
            return None
        await self._context.store.end(guest_key)
        return changed

    async def _merge(self, key: str, session: SessionRecord, request_id: bytes) -> None:
        guest = session.merged_guest
        identity = session.identity(self._context.settings.client_id, merged_guest=guest)
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(self._call(to, identity, request_id)) for to in self._targets]
        if all(task.result() for task in calls):

            def forget(stored: SessionRecord) -> SessionRecord:
                same = stored.merged_guest == guest
                return msgspec.structs.replace(stored, merged_guest=None) if same else stored

            await self._context.store.change(key, forget)

    async def _call(self, target: Target, identity: Identity, request_id: bytes) -> bool:
        """Whether the target has responded for good."""
        assert target.path is not None, "the table has none without a path"
        request = Request(
            method="POST",
            target=target.path.expand({"user": [encode_segment(identity.subject)]}),
            headers=[
                (b"authorization", self._authorization(identity, target.service)),
                (b"x-request-id", request_id),
            ],
            timeout=TIMEOUT,
        )
        try:
            async with await self._upstreams[target.service].send(request) as reply:
                status = reply.status
        except (UpstreamError, Problem) as failure:
            log.warning("%s does not merge a guest: %s", target.service, failure)
            return False
        if status >= SERVER_ERROR or status in RETRYABLE:
            log.warning("%s does not merge a guest: it responded with %d", target.service, status)
            return False
        return True
