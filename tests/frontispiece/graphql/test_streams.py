"""Responses in several parts: `@defer`, `@stream` and subscriptions, over HTTP and over a WebSocket."""

import asyncio
import gc
import json
import re
import weakref
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from frontispiece.graphql import increments, websocket
from frontispiece.pages import PageRequest, loader
from tests.frontispiece.graphql.conftest import Book, Library, Shelf, app_of, library_graph
from tests.support.serving import client_of, servers

DEFERRED = '{ books { title ... @defer(label: "rest") { summary } } }'
STREAMED = "{ books @stream(initialCount: 1) { title } }"
MULTIPART = "multipart/mixed"
EVENTS = "text/event-stream"


def parts_of(answer: httpx.Response) -> list[Any]:
    """The payloads of a response in several parts."""
    if answer.headers["content-type"].startswith(MULTIPART):
        assert answer.text.endswith("\r\n-----\r\n")
        return [json.loads(part) for part in re.findall(r"\r\n\r\n(\{.*)\r\n---", answer.text)]
    events = re.findall(r"event: (\w+)\ndata: ?(.*)\n\n", answer.text)
    assert events.pop() == ("complete", "")
    return [json.loads(data) for name, data in events if name == "next"]


async def stream(http: httpx.AsyncClient, query: str, accept: str) -> list[Any]:
    answer = await http.post("/graphql", json={"query": query}, headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(accept)
    return parts_of(answer)


@pytest.mark.parametrize("accept", [MULTIPART, EVENTS])
async def test_deferred_parts_come_later_and_their_errors_are_masked(library: Library, accept: str) -> None:
    async with library() as http:
        first, *rest = await stream(http, DEFERRED, accept)

    assert first["data"] == {"books": [{"title": f"Book {number}"} for number in (1, 2, 3)]}
    assert first["hasNext"] is True
    assert {"id": "0", "path": ["books", 0], "label": "rest"} in first["pending"]
    later = {part["id"]: part for payload in rest for part in payload.get("incremental", [])}
    assert [part["data"]["summary"] for _, part in sorted(later.items())] == [
        "Book 1 has 1 pages",
        None,
        "Book 3 has 3 pages",
    ]
    (error,) = later["1"]["errors"]
    assert error["extensions"]["code"] == "internal-error"
    assert "inside" not in error["message"]
    assert rest[-1]["hasNext"] is False


async def test_items_of_a_list_are_streamed(library: Library) -> None:
    async with library() as http:
        first, *rest = await stream(http, STREAMED, MULTIPART)

    assert first["data"] == {"books": [{"title": "Book 1"}]}
    items = [item for payload in rest for part in payload.get("incremental", []) for item in part["items"]]
    assert items == [{"title": "Book 2"}, {"title": "Book 3"}]


@pytest.mark.parametrize("accept", [MULTIPART, "application/json"])
@pytest.mark.parametrize("count", ["-1", "null"])
async def test_a_list_is_not_streamed_from_before_its_beginning(
    library: Library, count: str, accept: str
) -> None:
    query = "{ books @stream(initialCount: COUNT) { title } }"
    literal = {"query": query.replace("COUNT", count)}
    variable = {
        "query": f"query ($n: Int) {query.replace('COUNT', '$n')}",
        "variables": {"n": json.loads(count)},
    }
    async with library() as http:
        for wanted in (literal, variable):
            answer = await http.post("/graphql", json=wanted, headers={"Accept": accept})
            assert answer.json()["errors"][0]["extensions"]["code"] == "graphql-invalid"


async def test_a_client_that_takes_one_response_gets_all_in_it(library: Library) -> None:
    async with library() as http:
        answer = await http.post("/graphql", json={"query": STREAMED})

    assert len(answer.json()["data"]["books"]) == 3


async def test_a_subscription_is_served_as_events_alone(library: Library) -> None:
    query = "subscription { returned { title sequels(limit: 1) { title } } }"
    async with library() as http:
        events = await stream(http, query, EVENTS)
        refused = await http.post("/graphql", json={"query": query})

    assert [event["data"]["returned"]["title"] for event in events] == ["Book 1", "Book 2"]
    assert events[0]["data"]["returned"]["sequels"] == [{"title": "Book 1 1"}]
    assert refused.status_code == 406


async def test_a_subscription_whose_upstream_fails_ends_with_the_error(library: Library) -> None:
    async with library() as http:
        *_, last = await stream(http, "subscription { returned(count: 3) { title } }", EVENTS)

    assert last["errors"][0]["extensions"]["code"] == "upstream-unavailable"


async def test_a_subscription_is_not_silent_and_ends_with_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(increments, "HEARTBEAT", 0.01)
    app = app_of(library_graph())
    wanted: Any = {"json": {"query": "subscription { endless }"}, "headers": {"Accept": EVENTS}}
    async with app.router.lifespan_context(app), servers() as serve:
        async with client_of(await serve(app)) as http, http.stream("POST", "/graphql", **wanted) as answer:
            lines = answer.aiter_lines()
            while await anext(lines) != ":":
                pass
            assert not Shelf.left.is_set()
        async with asyncio.timeout(60):
            await Shelf.left.wait()


async def test_each_event_of_a_subscription_has_a_deadline_of_its_own(library: Library) -> None:
    graph = library_graph()

    @graph.field(Book)
    async def due(_book: Book, request: PageRequest) -> float:
        return request.context.deadline

    async with library(graph) as http:
        first, second = await stream(http, "subscription { returned { due } }", EVENTS)

    assert first["data"]["returned"]["due"] < second["data"]["returned"]["due"]


async def test_an_event_of_a_subscription_leaves_no_loads_behind(library: Library) -> None:
    graph = library_graph()
    spines: weakref.WeakSet[Spines] = weakref.WeakSet()

    @graph.field(Book)
    async def left(book: Book) -> int:
        gc.collect()
        left = len(spines)
        width = Spines()
        spines.add(width)
        return left * await width.width(book.title)

    async with library(graph) as http:
        events = await stream(http, "subscription { returned { left } }", EVENTS)

    assert [event["data"]["returned"]["left"] for event in events] == [0, 0]


class Spines:
    """A service whose calls are batched."""

    @loader()
    async def width(self, titles: Sequence[str]) -> Mapping[str, int]:
        return dict.fromkeys(titles, 1)


async def exchange(socket: ClientConnection, *messages: dict[str, Any]) -> Any:
    """Send the messages and return the next answer."""
    for message in messages:
        await socket.send(json.dumps(message))
    return json.loads(await socket.recv())


LONG_NAME = {"type": "subscribe", "id": "é" * 60, "payload": {"query": "subscription { endless }"}}


async def test_operations_go_over_a_websocket() -> None:
    app = app_of(library_graph())
    protocol = [Subprotocol("graphql-transport-ws")]
    async with app.router.lifespan_context(app), servers() as serve:
        url = (await serve(app)).replace("http", "ws") + "/graphql"
        async with connect(url, subprotocols=protocol) as socket:
            assert await exchange(socket, {"type": "connection_init"}) == {"type": "connection_ack"}
            assert await exchange(socket, {"type": "ping"}) == {"type": "pong"}
            wanted = {"query": "subscription { returned { title } }"}
            first = await exchange(socket, {"type": "subscribe", "id": "a", "payload": wanted})
            second, end = json.loads(await socket.recv()), json.loads(await socket.recv())
            assert (first["id"], first["type"]) == ("a", "next")
            assert first["payload"]["data"] == {"returned": {"title": "Book 1"}}
            assert second["payload"]["data"]["returned"]["title"] == "Book 2"
            assert end == {"id": "a", "type": "complete"}
            refused = await exchange(socket, {"type": "subscribe", "id": "b", "payload": {"query": "{ no }"}})
            assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == (
                "error",
                "graphql-invalid",
            )
        for code, *messages in (
            (4401, {"type": "subscribe", "id": "a", "payload": {}}),
            (4409, {"type": "connection_init"}, LONG_NAME, LONG_NAME),
        ):
            async with connect(url, subprotocols=protocol) as socket:
                for message in messages:
                    await socket.send(json.dumps(message))
                await socket.wait_closed()
                assert socket.close_code == code


async def test_operations_over_a_websocket_begin_at_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "RATE", 5)
    app = app_of(library_graph())
    async with app.router.lifespan_context(app), servers() as serve:
        url = (await serve(app)).replace("http", "ws") + "/graphql"
        async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            await exchange(socket, {"type": "connection_init"})
            wanted = {"type": "subscribe", "payload": {"query": "{ books { title } }"}}
            began = monotonic()
            for number in range(7):
                await socket.send(json.dumps(wanted | {"id": str(number)}))
            answers = [json.loads(await socket.recv()) for _ in range(14)]

    assert {each["type"] for each in answers} == {"next", "complete"}
    assert monotonic() - began > 0.3
