"""The read side of one copy of ordering, as an app."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from frontispiece.security import Verifier
from frontispiece.service import create_service
from frontispiece.settings import TokenSettings
from services.ordering import read_api
from services.ordering.queries import Queries
from tests.services.ordering.reading import Reading


class Copy:
    """One copy of ordering: its read side alone, on the databases of a `Reading`."""

    def __init__(self, reading: Reading, tokens: TokenSettings) -> None:
        self.projector, self.follower = reading.projector, reading.follower

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            app.state.queries = Queries(reading.shards, max_wait=0.05 if self.is_late else 10)
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(self.follower.run())]
                if not self.is_late:
                    running.append(tasks.create_task(self.projector.run()))
                yield
                for task in running:
                    task.cancel()

        self.is_late = False
        """Whether nobody projects the log, so that the read model stays as it is."""
        self.app = create_service(
            title="ordering",
            description="",
            lifespan=lifespan,
            verifier=Verifier(tokens, "ordering"),
        )
        self.app.include_router(read_api.router)
