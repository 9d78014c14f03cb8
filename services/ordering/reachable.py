"""The shards for an operator's commands: no database is created, and shards that are away are named."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from frontispiece.http import Problem
from frontispiece.stores import expect_files, missing_file
from services.ordering.settings import ShardSettings

if TYPE_CHECKING:
    from services.ordering.shard import Shard


@asynccontextmanager
async def reachable() -> AsyncIterator[tuple[list["Shard"], dict[str, str]]]:
    """Ordering's shards that are there, and why the others are not, by their names."""
    from frontispiece.shards import open_incoming  # noqa: PLC0415 (the help shows faster without)
    from services.ordering.shard import Shard  # noqa: PLC0415 (the same)
    from services.ordering.tables import fence  # noqa: PLC0415 (the same)

    databases = ShardSettings().shards
    urls = [each.database_url for each in databases.values()]
    if all(map(missing_file, urls)):
        expect_files(urls)
    every = {name: Shard(name, each) for name, each in databases.items()}
    shards, away = [], {}
    async with AsyncExitStack() as stack:
        for name, shard in every.items():
            try:
                if file := missing_file(databases[name].database_url):
                    raise FileNotFoundError(f"There is no {file}.")  # opened, it would be a new one
                shards.append(await stack.enter_async_context(shard))
            except (Problem, OSError) as error:
                away[name] = str(error)
        logs = {name: shard.database for name, shard in every.items()}
        for shard in shards:
            with suppress(Problem):  # buckets of a shard that is away, which is named
                await open_incoming(logs, fence, shard.name)
        yield shards, away
