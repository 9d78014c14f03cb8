"""Identity's wiring."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from frontispiece.aio import periodic
from frontispiece.http import Problem, new_client
from frontispiece.service import create_service
from frontispiece.stores import Database
from services.identity import directory, seed
from services.identity.api import add_endpoints
from services.identity.context import Context
from services.identity.errors import IdentityError
from services.identity.model import Clock
from services.identity.settings import IdentitySettings
from services.identity.tables import delete_expired, metadata

MAINTENANCE_INTERVAL: Final = 60.0
"""Seconds between two deletions of expired rows, and between two looks whether a next key is due."""


def create_app(settings: IdentitySettings | None = None, *, clock: Clock = time.time) -> FastAPI:
    """The identity service."""
    settings = settings or IdentitySettings()
    database = Database(settings.database_url, metadata, "services.identity.migrations")
    http = new_client()
    context = Context(settings, database, http, clock)

    async def maintain() -> None:  # while it fails, expired rows only stay a little longer
        await context.keys.published()
        await delete_expired(database, context.clock())

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with database, http, context.hasher:
            if settings.seed:
                await seed.fill(context.users, context.hasher)
            await context.keys.signing()
            notices = asyncio.create_task(context.outbox.run())
            try:
                async with periodic(
                    maintain, MAINTENANCE_INTERVAL, name="maintenance", expected=(Problem, IdentityError)
                ):
                    yield
            finally:
                notices.cancel()
                await asyncio.wait([notices])

    app = create_service(
        title="identity",
        description="An OpenID Connect provider: users, logins and tokens.",
        lifespan=lifespan,
        ready=database.ping,
        verifier=context.verifier,
    )
    add_endpoints(app, context)
    app.include_router(directory.router)
    return app
