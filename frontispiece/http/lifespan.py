"""The startup and the shutdown of an app, by ASGI's lifespan."""

import asyncio
import logging
import re
import traceback
from typing import Any, Final

from frontispiece.http.asgi import App, Message

log = logging.getLogger(__name__)

EXIT_TIMEOUT: Final = 1.0
"""Seconds that the app's coroutine may take to return once its shutdown is complete, or it is cancelled."""


class LifespanFailed(Exception):
    """The startup or the shutdown of an app failed; the message says why."""


class Lifespan:
    """The lifespan of an app, in one task; an app that does not speak it is simply served.

    Args:
        app: the app.
        name: of the app, in messages.
    """

    def __init__(self, app: App, name: str) -> None:
        self._app = app
        self._name = name
        self.state: dict[str, Any] = {}
        """What the app leaves for its requests."""
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._is_spoken = False
        """Whether the app has received something and runs."""
        self._is_complete = False
        """Whether the app has done what it was told."""

    async def startup(self) -> None:
        """Start the app.

        Raises:
            LifespanFailed: it cannot serve.
        """
        self._task = asyncio.create_task(self._run())
        try:
            await self._pass("startup")
        except BaseException:
            await _end(self._task)
            raise

    async def shutdown(self) -> None:
        """Stop the app.

        Raises:
            LifespanFailed: the app says so.
        """
        if self._is_spoken and self._task is not None:
            try:
                await self._pass("shutdown")
                await asyncio.wait([self._task], timeout=EXIT_TIMEOUT)
            finally:
                await _end(self._task)

    async def _pass(self, phase: str) -> None:
        """Tell the app to do this, and wait until it has, or does not speak lifespan."""
        self._is_complete = False
        self._events.put_nowait({"type": f"lifespan.{phase}"})
        answer = await self._answers.get()
        if answer["type"].endswith(".failed"):
            raise LifespanFailed(f"{self._name}'s {phase} failed: {_reason(answer.get('message', ''))}")

    async def _receive(self) -> Message:
        message = await self._events.get()
        self._is_spoken = True
        return message

    async def _send(self, message: Message) -> None:
        self._is_complete = message["type"].endswith(".complete")
        self._answers.put_nowait(message)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        answer = {"type": "lifespan.ended"}
        try:
            await self._app(scope, self._receive, self._send)
        except Exception:
            if self._is_complete:
                log.exception("%s's lifespan failed", self._name)
            elif self._is_spoken:  # it may have said so before, and then this is read by nobody
                answer = {"type": "lifespan.failed", "message": traceback.format_exc()}
        except asyncio.CancelledError:
            answer = {"type": "lifespan.failed", "message": "it was cancelled"}
            raise
        finally:
            self._is_spoken = False
            self._answers.put_nowait(answer)


async def _end(task: "asyncio.Task[None]") -> None:
    """Cancel a task once, unlike `aio.end`: an app that goes on is no reason to stop later than that."""
    task.cancel()
    await asyncio.wait([task], timeout=EXIT_TIMEOUT)


_OWN: Final = re.compile(r"(?ms)^frontispiece\.[\w.]+: (?!.*^Traceback )(.*\S)")
"""The end of a traceback that ends with an exception of ours, and its message."""


def _reason(message: str) -> str:
    """What an app says of its failure, mostly a traceback; one of our own exceptions needs none."""
    own = _OWN.search(message)
    return own[1] if own else message
