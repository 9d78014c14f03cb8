"""A client that is notified of the end of its grants, at a real address."""

from urllib.parse import parse_qs

from tests.support.stub import Exchange, Stub


class Receiver(Stub):
    """Takes logout tokens, and responds with the status that a test sets."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.status = 200
        self.tokens: list[str] = []

    async def _take(self, exchange: Exchange) -> None:
        form = parse_qs((await exchange.read()).decode(), strict_parsing=True)
        assert (exchange.method, list(form)) == ("POST", ["logout_token"])
        if self.status == 200:
            self.tokens += form["logout_token"]
        await exchange.start(self.status)
        await exchange.end()
