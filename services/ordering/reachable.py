"""The shards that commands of an operator work with: none is created, and those that are away are named."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from frontispiece.errors import ConfigError
from frontispiece.http import Problem
from services.ordering.settings import ShardSettings

if TYPE_CHECKING:
    from services.ordering.shard import Shard


@asynccontextmanager
async def opened() -> AsyncIterator[list["Shard"]]:
    """All of ordering's shards."""
    async with reachable() as (shards, away):
        name_away(away)
        yield shards


@asynccontextmanager
async def reachable() -> AsyncIterator[tuple[list["Shard"], dict[str, str]]]:
    """Ordering's shards that are there, and why the others are not, by their names."""
    from frontispiece.shards import open_incoming  # noqa: PLC0415 (the help shows faster without)
    from services.ordering.shard import Shard  # noqa: PLC0415 (the same)
    from services.ordering.tables import fence  # noqa: PLC0415 (the same)

    databases = ShardSettings().shards
    files = [file for each in databases.values() if (file := _missing_file(each.database_url))]
    if len(files) == len(databases):
        where = files[0].parent
        raise ConfigError(
            [f"Nothing has run in {where}: front up runs the shop, --data DIR names another folder."]
        )
    every = {name: Shard(name, each) for name, each in databases.items()}
    shards, away = [], {}
    async with AsyncExitStack() as stack:
        for name, shard in every.items():
            try:
                if file := _missing_file(databases[name].database_url):
                    raise FileNotFoundError(f"There is no {file}.")  # opened, it would be a new one
                shards.append(await stack.enter_async_context(shard))
            except (Problem, OSError) as error:
                away[name] = str(error)
        logs = {name: shard.database for name, shard in every.items()}
        for shard in shards:
            with suppress(Problem):  # buckets of a shard that is away, which is named
                await open_incoming(logs, fence, shard.name)
        yield shards, away


def _missing_file(database_url: str) -> Path | None:
    """The file of an SQLite database, unless it is there."""
    from sqlalchemy import make_url  # noqa: PLC0415

    url = make_url(database_url)
    file = Path(url.database or "")
    return file if url.get_backend_name() == "sqlite" and not file.is_file() else None


def name_away(away: dict[str, str]) -> None:
    """Raise a `Problem`, 503, that names the shards that are away, unless none is."""
    if away:
        reasons = (f"Shard {name} is away: {reason}" for name, reason in away.items())
        raise Problem(503, "store-unavailable", "\n".join(reasons))
