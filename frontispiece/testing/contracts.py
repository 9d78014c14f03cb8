"""Contracts of clients with BFFs: a state is what fake services then answer."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from frontispiece.contracts import Contracts, Staging, UnknownState, WorkingTree, matrix
from frontispiece.http.asgi import App, Receive, Scope, Send
from frontispiece.pages import Bff
from frontispiece.testing.identities import Identities
from frontispiece.testing.serving import set_environment
from frontispiece.testing.upstreams import Upstreams, fake_upstreams

States = Mapping[str, Callable[..., object]]
"""By the names that contracts have for them: functions that take `Upstreams` and the state's parameters."""

VerifyContracts = Callable[[Staging], Awaitable[list[str]]]
"""What the apps of a stage break of the project's contracts, a sentence each."""


def staging(
    bffs: Mapping[str, Bff], states: States, *, user: str = "", scopes: Sequence[str] = ()
) -> Staging:
    """BFFs in front of fake services, for `[contracts] stage` and the fixture `verify_contracts`.

    Args:
        bffs: by the names that contracts have for providers.
        states: what the services answer.
        user: who is calling where a contract has an `Authorization`; it replaces what is written there.
        scopes: those of the user.
    """

    @asynccontextmanager
    async def staged(provider: str) -> AsyncIterator[_BffStage]:
        create_app, identities = bffs[provider], Identities()
        with fake_upstreams() as upstreams, pytest.MonkeyPatch.context() as patch:
            set_environment(patch, upstreams.addresses(create_app.services), identities.variables)
            caller = identities.bearer(provider, user, *scopes) if user else {}
            yield _BffStage(create_app(), upstreams, states, caller)

    return staged


async def breaches(folder: Path, staged: Staging) -> list[str]:
    """The breaches by apps of the contracts in a folder that are in the field, a sentence each.

    Raises:
        ConfigError: a contract cannot be read, or the stage lacks a provider.
        MissingExtra: pact is not installed.
    """
    verified = await matrix(Contracts.load(WorkingTree(folder)), staged, datetime.now(UTC).date())
    return [str(breach) for each in verified for breach in each.breaches]


class _BffStage:
    """A BFF and the services behind it."""

    def __init__(self, app: App, upstreams: Upstreams, states: States, caller: Mapping[str, str]) -> None:
        self._bff = app
        self._upstreams = upstreams
        self._states = states
        self._caller = [(name.lower().encode(), value.encode()) for name, value in caller.items()]

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._caller and any(name == b"authorization" for name, _ in scope.get("headers", ())):
            others = [pair for pair in scope["headers"] if pair[0] != b"authorization"]
            scope = {**scope, "headers": [*others, *self._caller]}
        await self._bff(scope, receive, send)

    async def set_up(self, state: str, parameters: Mapping[str, Any]) -> None:
        if state not in self._states:
            raise UnknownState(state)
        self._states[state](self._upstreams, **parameters)

    async def tear_down(self) -> None:
        self._upstreams.clear()
