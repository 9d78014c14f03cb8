"""A gateway that stops tells its WebSockets so."""

from tests.gateway.websocket.conftest import ROUTES
from tests.support.gateways import gateway_of
from tests.support.serving import nobody_there, servers
from tests.support.sockets import SocketService, ending, opened, url_of

TABLE = ROUTES.replace('auth = "bearer"\nscopes = ["shop"]', 'auth = "none"')


async def test_both_sides_are_told_that_the_server_stops() -> None:
    chat = SocketService()
    async with chat.serving() as service:
        running = servers()
        serve = await running.__aenter__()
        gateway = gateway_of(TABLE, {"chat": url_of(service), "gone": nobody_there()})
        async with opened(await serve(gateway), "/rooms/7") as socket:
            await running.__aexit__(None, None, None)
            assert await ending(socket) == (1001, "the server stops")
        assert await ending(await chat.came.get()) == (1001, "the server stops")
