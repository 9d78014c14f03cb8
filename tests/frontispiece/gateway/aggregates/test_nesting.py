"""However deeply a service nests what it says, a client of an aggregate never learns of a bug of ours."""

import pytest

from frontispiece.http.json_nesting import MAX_DEPTH
from tests.frontispiece.gateway.aggregates.conftest import JSON, Join
from tests.support.frames import EVENTS, LINES
from tests.support.stub import Exchange, answering

PARTS = """
parts.whole = { from = "catalog:/lists" }
parts.shaped = { from = "catalog:/lists", keep = ["l.x"], optional = true }
parts.renamed = { from = "catalog:/objects", rename = { "l.a" = "b" }, optional = true }
parts.refused = { from = "catalog:/problem", optional = true }
parts.elements = { from = "inventory:/{each}", each = "whole.l", optional = true }
parts.field = { from = "inventory:/{shaped.l.x.y}", optional = true }
parts.batch = { from = "inventory:/lists", each = "keys.l", batch = { key = "k", by = "l" }, optional = true }
parts.keys = { from = "catalog:/keys" }
"""


async def deep(exchange: Exchange) -> None:
    """Answer what the path names, nested as deeply as the query says."""
    depth = int(dict(exchange.headers)[b"x-request-id"])
    lists = b"[" * depth + b"]" * depth
    objects = b'{"a":' * depth + b"1" + b"}" * depth
    contents = {b"/lists": lists, b"/objects": objects, b"/problem": lists, b"/keys": b'["1"]'}
    problem = (b"content-type", b"application/problem+json")
    status, kind = (404, problem) if exchange.path == b"/problem" else (200, JSON)
    await answering(status, b'{"type":"urn:x:y","l":%b}' % contents.get(exchange.path, lists), kind)(exchange)


@pytest.mark.parametrize("accept", ["application/json", LINES, EVENTS])
async def test_no_depth_of_json_makes_a_500(join: Join, accept: str) -> None:
    world = await join(PARTS, deep, deep)

    for depth in (1, 50, 100, 150, 190, 199, 200, 250, 400, 700, *range(850, 1000, 50), 5_000, 100_000):
        answer = await world.http.get("/a/A", headers={"X-Request-Id": str(depth), "Accept": accept})

        assert answer.status_code == (200 if depth < MAX_DEPTH else 502), (depth, answer.text[:500])
        assert "internal-error" not in answer.text, depth
