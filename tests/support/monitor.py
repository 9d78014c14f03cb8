"""What clients send to a Valkey server, as the server itself tells it."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import valkey.asyncio

Sent = Callable[[], Awaitable[list[str]]]


@asynccontextmanager
async def monitored(url: str) -> AsyncIterator[Sent]:
    """`await sent()`: the commands that came since the last time, without those that scripts make there."""
    async with valkey.asyncio.Valkey.from_url(url) as client, client.monitor() as monitor:

        async def sent() -> list[str]:
            word = secrets.token_hex(8)
            await client.echo(word)
            commands: list[str] = []
            while True:
                told = await monitor.next_command()
                if word in told["command"]:
                    return commands
                if told["client_type"] != "lua" and not told["command"].startswith("PING"):
                    commands.append(told["command"])

        yield sent
