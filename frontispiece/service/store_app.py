"""A service that keeps its data in one store."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from typing import Any, Protocol, runtime_checkable

from fastapi import APIRouter, FastAPI
from prometheus_client.registry import Collector

from frontispiece.security import Verifier
from frontispiece.service.app import (
    Check,
    Lifespan,
    State,
    create_service,
    needs_nothing,
    register_collectors,
)


class Store(AbstractAsyncContextManager[Any], Protocol):
    """The store of a service's data."""

    async def ping(self) -> str | None:
        """Return when the store is reachable, with what of it is missing; raise when it is not."""


@runtime_checkable
class SeededStore(Store, Protocol):
    """A store that can be given first data."""

    async def is_empty(self) -> bool:
        """Whether there is no data."""

    async def add(self, new: Iterable[Any], /) -> None:
        """Insert all of it or none."""


class Messaging(AbstractAsyncContextManager[Any], Protocol):
    """Publishes and consumes a service's messages while it is open: `frontispiece.events.Messaging`."""

    @property
    def collectors(self) -> tuple[Collector, ...]:
        """The collectors of the service's metrics about its messages."""


def create_store_service(
    *,
    title: str,
    description: str,
    verifier: Verifier,
    store: Store,
    router: APIRouter | None = None,
    first_data: Callable[[], Iterable[Any]] | None = None,
    resources: Sequence[AbstractAsyncContextManager[Any]] = (),
    lifespan: Lifespan = lambda _app: nullcontext(),
    messaging: Messaging | None = None,
    ready: Check = needs_nothing,
) -> FastAPI:
    """A service (see `create_service`) with its store in `app.state.store`, ready when that is reachable.

    Args:
        title: the service's name.
        description: one sentence for the OpenAPI document.
        verifier: verifies the callers' tokens.
        store: opened before all else, closed after all else.
        router: the endpoints.
        first_data: added to an empty store (a `SeededStore`) when the service starts.
        resources: what the service needs besides, opened in this order, open while it runs.
        lifespan: the same, made of the app, which is opened after these and may leave a state.
        messaging: opened after all else, closed before all else.
        ready: whether what it needs besides is reachable.
    """

    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[State]:
        async with store:
            if first_data is not None:
                assert isinstance(store, SeededStore)
                await add_if_empty(store, first_data)
            async with AsyncExitStack() as stack:
                for resource in resources:
                    await stack.enter_async_context(resource)
                state = await stack.enter_async_context(lifespan(app))
                if messaging is not None:
                    await stack.enter_async_context(messaging)
                yield state

    async def is_ready() -> str | None:
        missing = [await store.ping(), await ready()]
        return "; ".join(filter(None, missing)) or None

    app = create_service(
        title=title, description=description, verifier=verifier, lifespan=opened, ready=is_ready
    )
    app.state.store = store
    if messaging is not None:
        register_collectors(app, *messaging.collectors)
    if router is not None:
        app.include_router(router)
    return app


async def add_if_empty(store: SeededStore, first_data: Callable[[], Iterable[Any]]) -> None:
    """Add first data to an empty store; leave any other as it is."""
    if await store.is_empty():
        await store.add(first_data())
