"""A client that is told of the end of its grants, at a real address."""

import asyncio
from urllib.parse import parse_qs

from kit.asgi import Receive, Scope, Send
from tests.support.stub import Exchange


class Receiver:
    """Takes logout tokens, and answers as the test says."""

    def __init__(self) -> None:
        self.status = 200
        self.tokens: list[str] = []
        self.tries = 0
        self._came = asyncio.Condition()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        form = parse_qs((await exchange.read()).decode(), strict_parsing=True)
        assert (exchange.method, list(form)) == ("POST", ["logout_token"])
        async with self._came:
            self.tries += 1
            if self.status == 200:
                self.tokens += form["logout_token"]
            self._came.notify_all()
        await exchange.start(self.status)
        await exchange.end()

    async def until(self, *, tokens: int = 0, tries: int = 0) -> None:
        """Return when so many have come, within 10 seconds."""
        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(lambda: len(self.tokens) >= tokens and self.tries >= tries)
