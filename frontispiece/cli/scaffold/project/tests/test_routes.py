"""The route table, in a gateway in front of fake services."""

from pathlib import Path

from frontispiece.testing import Clock, ServeGateway, Upstreams, send_hostile_requests

ROUTES = Path(__file__).parents[1] / "routes.toml"
WEB = "app://web.app:create_app"


async def test_what_is_not_in_the_table_does_not_exist(serve_gateway: ServeGateway) -> None:
    async with serve_gateway(ROUTES, web=WEB) as client:
        response = await client.get("/notes/1")

    assert response.status_code == 404


async def test_a_note_is_read_through_the_gateway(upstreams: Upstreams, serve_gateway: ServeGateway) -> None:
    upstreams["notes"].get("/notes/1").respond(json={"id": "1", "text": "Buy ink"})

    async with serve_gateway(ROUTES, web=WEB) as client:
        response = await client.get("/api/notes/1")

    assert response.json() == {"id": "1", "text": "Buy ink"}


async def test_a_note_is_cached_for_five_seconds(
    clock: Clock, upstreams: Upstreams, serve_gateway: ServeGateway
) -> None:
    calls = upstreams["notes"].get("/notes/1").respond(json={"id": "1", "text": "Buy ink"})

    async with serve_gateway(ROUTES, web=WEB) as client:
        for _ in range(2):
            await client.get("/api/notes/1")
        cached = calls.call_count
        clock.advance(6)
        await client.get("/api/notes/1")

    assert (cached, calls.call_count) == (1, 2)


async def test_no_hostile_request_reaches_a_service(
    upstreams: Upstreams, serve_gateway: ServeGateway
) -> None:
    behind = upstreams["notes"].route().respond(json={})

    async with serve_gateway(ROUTES, web=WEB) as client:
        accepted = await send_hostile_requests(str(client.base_url), "/api/notes/1")

    assert accepted == []
    assert not behind.called
