"""The startup and the shutdown of an app, by ASGI's lifespan."""

import asyncio
import logging
import traceback
from typing import Any, Final

from frontispiece.http.asgi import App, Message

LOG: Final = logging.getLogger("frontispiece.server")


class Lifespan:
    """The lifespan of an app; one that does not speak it is simply served.

    Args:
        app: the app.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self.state: dict[str, Any] = {}
        """What the app leaves for its requests."""
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._is_spoken = False
        """Whether the app has received something and runs."""

    async def startup(self) -> bool:
        """Start the app; whether it can serve."""
        self._task = asyncio.create_task(self._run())
        return await self._pass("startup")

    async def shutdown(self) -> None:
        """Stop the app."""
        if self._is_spoken:
            await self._pass("shutdown")

    def cancel(self) -> None:
        """Stop waiting for the app."""
        if self._task is not None:
            self._task.cancel()

    async def _pass(self, phase: str) -> bool:
        """Tell the app to do this; whether it has, or does not speak lifespan."""
        self._events.put_nowait({"type": f"lifespan.{phase}"})
        answer = await self._answers.get()
        if answer["type"].endswith(".failed"):
            LOG.error("the app's %s failed: %s", phase, _reason(answer.get("message", "")))
            return False
        return True

    async def _receive(self) -> Message:
        message = await self._events.get()
        self._is_spoken = True
        return message

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        answer = {"type": "lifespan.ended"}
        try:
            await self._app(scope, self._receive, self._answers.put)
        except Exception:  # noqa: BLE001 (its startup or shutdown has failed, and the message says why)
            if self._is_spoken:  # it may have said so before, and then this is read by nobody
                answer = {"type": "lifespan.failed", "message": traceback.format_exc()}
        self._is_spoken = False
        self._answers.put_nowait(answer)


def _reason(message: str) -> str:
    """What an app says of its failure, mostly a traceback; one of our own exceptions needs none."""
    last = message.rstrip().rpartition("\n")[2]
    return last.partition(": ")[2] if last.startswith("frontispiece.") else message
