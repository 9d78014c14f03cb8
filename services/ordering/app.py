"""Ordering's wiring."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from fastapi import APIRouter, FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.aio import periodic
from frontispiece.events import CallingServiceSettings, Messaging
from frontispiece.http import Problem
from frontispiece.security import Signer, Verifier
from frontispiece.service import create_store_service, register_collectors
from services.ordering import api, read_api, replay
from services.ordering.commands import Commands
from services.ordering.connections import open_clients
from services.ordering.event_store import Conflict
from services.ordering.messages import REPLIES
from services.ordering.progress import LogFollower
from services.ordering.projector import Projector
from services.ordering.queries import Queries
from services.ordering.read_store import ReadStore
from services.ordering.store import Orders
from services.ordering.tables import event_store, outbox

TIMEOUT_INTERVAL: Final = 1.0
"""Seconds between two looks for time-outs that are due: any copy may have set them."""

RESTART_INTERVAL: Final = 1.0
"""Seconds until what never ends is started again after a bug has ended it."""


class OrderingSettings(CallingServiceSettings):
    """Ordering's settings."""

    model_config = SettingsConfigDict(env_prefix="ORDERING_")

    database_url: str = Field(description="SQLAlchemy URL of ordering's own database.")
    read_database_url: str = Field(description="SQLAlchemy URL of the database of the read model.")
    timeout: float = Field(2.0, gt=0, description="Seconds that a call to another service may take.")
    reply_timeout: float = Field(
        5.0,
        gt=0,
        description="Seconds until a command of the checkout without a reply is sent again; each attempt "
        "doubles them, up to 60.",
    )
    max_read_wait: float = Field(
        1.0,
        ge=0,
        description="Seconds that a read with `min-position`, and the last event of an order's progress, "
        "wait for the read model.",
    )


def create_app(settings: OrderingSettings | None = None) -> FastAPI:
    """The ordering service."""
    settings = settings or OrderingSettings()
    orders = Orders(settings.database_url, reply_timeout=settings.reply_timeout)
    read_store = ReadStore(settings.read_database_url)
    signer = Signer(settings.signing_key, "ordering")
    messaging = Messaging(
        settings.events,
        service="ordering",
        database=orders.database,
        outbox=outbox,
        handlers=dict.fromkeys(REPLIES, orders.handle),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        projector = Projector(orders.database, event_store, read_store)
        follower = LogFollower(orders.database, event_store)
        app.state.commands = Commands(orders)
        app.state.queries = Queries(
            database=orders.database,
            events=event_store,
            store=read_store,
            projector=projector,
            follower=follower,
            max_wait=settings.max_read_wait,
        )
        register_collectors(app, projector)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(read_store)
            await read_store.initialise()
            app.state.connections = await stack.enter_async_context(
                open_clients(settings.directory, settings.timeout, signer)
            )
            for work, name in ((projector.run, "projection of orders"), (follower.run, "progress of orders")):
                await stack.enter_async_context(periodic(work, RESTART_INTERVAL, name=name))
            await stack.enter_async_context(
                periodic(
                    orders.carry_out_timeouts,
                    TIMEOUT_INTERVAL,
                    name="time-outs of orders",
                    expected=(Problem, Conflict),
                )
            )
            yield

    async def ready() -> None:
        await read_store.ping()
        await app.state.connections.ready()

    app = create_store_service(
        title="ordering",
        description="Orders, and the checkout that carries them out.",
        verifier=Verifier(settings.tokens, "ordering"),
        store=orders,
        router=_routes(),
        lifespan=lifespan,
        messaging=messaging,
        ready=ready,
    )
    return app


def _routes() -> APIRouter:
    routes = APIRouter()
    routes.include_router(api.router)
    routes.include_router(read_api.router)
    routes.include_router(replay.router)
    return routes
