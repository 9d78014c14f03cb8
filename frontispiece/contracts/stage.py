"""A provider under verification: the app, in front of fakes that can be set to a contract's states."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final, Protocol

from starlette.requests import Request

from frontispiece.errors import ConfigError
from frontispiece.http.asgi import App, Receive, Scope, Send
from frontispiece.server.server import Server, running
from frontispiece.server.sockets import address, bound

STATES: Final = "/_contract-states"
"""Where pact's verifier says which state it wants a provider to be in."""


class UnknownState(Exception):
    """A contract names a state that the stage cannot set up."""


class Stage(Protocol):
    """A provider and its world."""

    @property
    def app(self) -> App:
        """The provider, an ASGI app: as in production, but for what is behind it."""
        ...

    async def set_up(self, state: str, parameters: Mapping[str, Any]) -> None:
        """Bring a state about, beside those that were set up since `tear_down`.

        Raises:
            UnknownState: there is none with this name.
        """
        ...

    async def tear_down(self) -> None:
        """Forget all states."""
        ...


Staging = Callable[[str], AbstractAsyncContextManager[Stage]]
"""What `[contracts] stage` names: `async with stage("pages") as it`; LookupError for an app it has not."""


@asynccontextmanager
async def on_stage(staging: Staging, provider: str) -> AsyncIterator[Stage]:
    """A provider on its stage.

    Raises:
        ConfigError: the stage has no such provider.
    """
    async with AsyncExitStack() as stack:
        try:
            stage = await stack.enter_async_context(staging(provider))
        except LookupError as unknown:
            raise ConfigError([f"the stage has no {provider}: {unknown!r}"]) from unknown
        yield stage


@asynccontextmanager
async def served(provider: str, stage: Stage) -> AsyncIterator[tuple[str, list[str]]]:
    """The URL of a provider on a loopback socket, with `STATES` for the verifier; and the unknown states."""
    sock = bound()
    app = _WithStates(stage)
    async with running([(Server(provider, app), sock)]):
        yield f"http://{address(sock)}", app.unknown


class _WithStates:
    """The app, and a path at which its states are set up."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.unknown: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == STATES:
            status = await self._change(await Request(scope, receive).body())
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._stage.app(scope, receive, send)

    async def _change(self, body: bytes) -> int:
        """Set up or tear down what the verifier says; returns the status."""
        wanted = json.loads(body)
        if wanted["action"] == "teardown":
            await self._stage.tear_down()
        elif wanted["state"]:  # an interaction without states has an empty one
            try:
                await self._stage.set_up(wanted["state"], wanted.get("params") or {})
            except UnknownState:
                self.unknown.append(wanted["state"])
                return 400  # after a 5xx pact would try again, for minutes
        return 200
