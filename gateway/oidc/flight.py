"""Something that is fetched: by one at a time for all who wait, and not again right after a failure."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from gateway.oidc.errors import ProviderUnavailable

Value = TypeVar("Value")

PAUSE: Final = 1.0
"""Seconds after a failure in which it is not tried again: whoever asks fails at once."""


class Flight(Generic[Value]):
    """Fetches a value whenever it is asked to, for everybody who asks meanwhile.

    Args:
        fetch: gets the value; raises `ProviderUnavailable`.
        clock: seconds since some moment.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[Value]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.failure: ProviderUnavailable | None = None
        """Why the last try failed, if it did."""
        self._fetch = fetch
        self._clock = clock
        self._not_before = 0.0
        self._flying: asyncio.Task[Value] | None = None

    @property
    def is_flying(self) -> bool:
        """Whether it is being fetched: who joins gets what began before."""
        return self._flying is not None

    async def land(self) -> Value:
        """The value, fetched from now on or since a little earlier.

        Raises:
            ProviderUnavailable: it cannot be had, or could not a moment ago.
        """
        if self._flying is None:
            if self.failure is not None and (left := self._not_before - self._clock()) > 0:
                raise ProviderUnavailable(self.failure.reason, retry_after=left)
            self._flying = asyncio.create_task(self._fly())
            self._flying.add_done_callback(self._landed)
        return await asyncio.shield(self._flying)  # whoever leaves does not end it for the others

    async def _fly(self) -> Value:
        try:
            value = await self._fetch()
        except ProviderUnavailable as failure:
            self.failure = failure
            self._not_before = self._clock() + PAUSE
            raise
        self.failure = None
        return value

    def _landed(self, task: asyncio.Task[Value]) -> None:
        self._flying = None
        if not task.cancelled():
            task.exception()  # looked at: everybody who waited may have left

    async def close(self) -> None:
        """Fetch no further."""
        if (task := self._flying) is not None:
            task.cancel()
            await asyncio.wait({task})
