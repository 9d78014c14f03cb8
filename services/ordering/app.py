"""Ordering's wiring."""

from contextlib import AbstractAsyncContextManager
from typing import Final

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.aio import periodic
from frontispiece.events import CallingServiceSettings, Messaging
from frontispiece.http import Problem
from frontispiece.security import Signer, Verifier
from frontispiece.service import CombinedCollector, create_store_service, register_collectors
from services.ordering import api, operator_api, read_api, replay
from services.ordering.commands import Commands
from services.ordering.connections import Connections
from services.ordering.event_store import Conflict
from services.ordering.messages import REPLIES
from services.ordering.queries import Queries
from services.ordering.settings import ShardSettings
from services.ordering.shard import Shard
from services.ordering.shards import Shards
from services.ordering.tables import outbox

TIMEOUT_INTERVAL: Final = 1.0
"""Seconds between two looks for time-outs that are due: any copy may have set them."""

RESTART_INTERVAL: Final = 1.0
"""Seconds until background work that a bug has ended is started again."""


class OrderingSettings(ShardSettings, CallingServiceSettings):
    """Ordering's settings."""

    model_config = SettingsConfigDict(env_prefix="ORDERING_")

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
    shards = Shards(settings.shards, settings.events, reply_timeout=settings.reply_timeout)
    signer = Signer(settings.signing_key, "ordering")
    connections = Connections(settings.directory, settings.timeout, signer)
    messaging = Messaging(
        settings.events,
        service="ordering",
        database={name: shard.database for name, shard in shards.by_name.items()},
        outbox=outbox,
        handlers=dict.fromkeys(REPLIES, shards.handle),
    )
    app = create_store_service(
        title="ordering",
        description="Orders, and the checkout that carries them out.",
        verifier=Verifier(settings.tokens, "ordering"),
        store=shards,
        resources=[connections, *(work for shard in shards.by_name.values() for work in _work(shard))],
        messaging=messaging,
        ready=connections.ready,
    )
    for router in (api.router, read_api.router, operator_api.router, replay.router):
        app.include_router(router)
    app.state.connections = connections
    app.state.commands = Commands(shards)
    app.state.queries = Queries(shards, settings.max_read_wait)
    register_collectors(app, CombinedCollector(shard.projector for shard in shards.by_name.values()))
    return app


def _work(shard: Shard) -> list[AbstractAsyncContextManager[None]]:
    """The background work of a shard."""
    return [
        periodic(shard.projector.run, RESTART_INTERVAL, name=f"projection of shard {shard.name}"),
        periodic(shard.follower.run, RESTART_INTERVAL, name=f"progress of orders of shard {shard.name}"),
        periodic(
            shard.orders.carry_out_timeouts,
            TIMEOUT_INTERVAL,
            name=f"time-outs of shard {shard.name}",
            expected=(Problem, Conflict),
        ),
    ]
