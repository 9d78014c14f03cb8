"""More users for a running demo shop."""

import time
from collections.abc import Iterable
from pathlib import Path

from frontispiece.cli.run.environment import database_variable
from frontispiece.stores import Database
from services.identity.accounts.passwords import PasswordHasher
from services.identity.accounts.users import Users
from services.identity.model import User
from services.identity.tables import metadata
from shop.demo import PASSWORD
from tests.support.shop import PROJECT


async def add_customers(data: Path, names: Iterable[str]) -> None:
    """Add customers, whose ids are their names, to the users of the shop with this folder."""
    url = database_variable(PROJECT, "identity", "IDENTITY_DATABASE_URL", data)
    hasher = PasswordHasher(memory_cost=8, time_cost=1)
    async with Database(url, metadata) as database, hasher:
        password_hash = await hasher.hash(PASSWORD)
        await Users(database, time.time).add(
            User(
                id=name,
                name=name,
                display_name=name,
                email=f"{name}@shop.example",
                scopes=frozenset({"shop"}),
                password_hash=password_hash,
            )
            for name in names
        )
