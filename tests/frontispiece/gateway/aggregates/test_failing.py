"""What a client of an aggregate gets when a required or an optional part fails."""

import asyncio

import pytest

from tests.frontispiece.gateway.aggregates.conftest import JSON, Join, said
from tests.support.stub import Answer, Exchange, answering, waiting

PROBLEM = (b"content-type", b"application/problem+json")
HTML = (b"content-type", b"text/html")
DEEP = b'{"x":%b}' % (b"[" * 5000 + b"]" * 5000)
OTHER = 'parts.other = { from = "inventory:/s" }'


def refusing(status: int) -> Answer:
    content = b'{"type":"urn:shop:problem:no","title":"Not this","detail":"Not this.","sku":"A"}'
    return answering(status, content, PROBLEM, (b"retry-after", b"7"))


FAILURES = {
    "unknown": (refusing(404), 404, "refused"),
    "conflict": (refusing(409), 409, "refused"),
    "gone": (refusing(410), 410, "refused"),
    "unfit": (refusing(422), 422, "refused"),
    "too many": (refusing(429), 429, "refused"),
    "bad request": (answering(400, b"", JSON), 502, "refused"),
    "failing": (answering(500, b"{}", JSON), 502, "failed"),
    "no JSON": (said("{"), 502, "invalid-response"),
    "no UTF-8": (said(b'{"a":"\xff"}'), 502, "invalid-response"),
    "a byte-order mark": (said(b"\xef\xbb\xbf{}"), 502, "invalid-response"),
    "too deep": (said("[" * 100_000), 502, "invalid-response"),
    "a problem too deep": (answering(403, DEEP, PROBLEM), 403, "refused"),
    "a problem that is none": (answering(403, b"<html>", PROBLEM), 403, "refused"),
    "another type": (answering(200, b"{}", HTML), 502, "invalid-response"),
    "no type": (answering(200, b"{}"), 502, "invalid-response"),
    "nothing": (answering(204, b""), 502, "invalid-response"),
    "elsewhere": (answering(302, b"{}", JSON, (b"location", b"/x")), 502, "invalid-response"),
    "too long": (said(b'"' + b"x" * (10 * 1024 * 1024) + b'"'), 502, "invalid-response"),
}


async def test_a_failing_required_part_is_the_failure_of_the_answer(join: Join) -> None:
    world = await join(f'parts.part = {{ from = "catalog:/p" }}\n{OTHER}')
    for failure, (answer, status, _) in FAILURES.items():
        world.catalog.answer = answer
        response = await world.http.get("/a/A")

        assert response.status_code == status, failure
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["source"] == "part"
        assert response.json()["request_id"] == response.headers["x-request-id"]
        if status in {404, 409, 410, 422, 429}:
            assert {name: response.json()[name] for name in ("type", "title", "sku")} == {
                "type": "urn:shop:problem:no",
                "title": "Not this",
                "sku": "A",
            }
            assert response.headers["retry-after"] == "7"


async def test_a_401_of_a_part_has_the_challenges_of_its_service(join: Join) -> None:
    world = await join('parts.part = { from = "catalog:/p" }')
    for challenges, passed in [
        ([b'Bearer realm="a"'], 'Bearer realm="a"'),
        ([b'Bearer realm="a"', b'DPoP algs="ES256"'], 'Bearer realm="a",DPoP algs="ES256"'),
        ([], "Bearer"),
    ]:
        headers = [(b"www-authenticate", challenge) for challenge in challenges]
        world.catalog.answer = answering(401, b"{}", JSON, *headers)
        response = await world.http.get("/a/A")

        assert (response.status_code, response.headers["www-authenticate"]) == (401, passed), challenges


async def test_a_failing_optional_part_is_replaced_and_named(join: Join) -> None:
    part = 'parts.part = { from = "catalog:/p", optional = true, fallback = { level = "unknown" } }'
    world = await join(f"{part}\n{OTHER}")
    for number, (failure, (answer, _, reason)) in enumerate(FAILURES.items()):
        world.catalog.answer = answer
        response = await world.http.get("/a/A")

        assert response.status_code == 200
        assert response.json() == {"part": {"level": "unknown"}, "other": {"sku": "A", "n": 1}}
        assert response.headers["page-degraded"] == f"part;reason={reason}", failure
        assert response.headers["cache-control"] == "no-store"
        assert len(world.catalog.requests) == number + 1


@pytest.mark.parametrize("optional", ["true", "false"])
async def test_a_part_has_a_timeout_of_its_own(join: Join, optional: str) -> None:
    part = f'parts.part = {{ from = "catalog:/p", timeout = "50ms", optional = {optional} }}'
    world = await join(f"{part}\n{OTHER}", Exchange.until_left)

    response = await world.http.get("/a/A")

    if optional == "true":
        assert (response.status_code, response.headers["page-degraded"]) == (200, "part;reason=timeout")
    else:
        assert (response.status_code, response.json()["source"]) == (504, "part")


async def test_an_optional_part_behind_a_failed_one_is_replaced_without_a_call(join: Join) -> None:
    parts = (
        'parts.a = { from = "gone:/p", optional = true, fallback = { id = "5" } }\n'
        'parts.b = { from = "catalog:/p/{a.id}", optional = true }\n'
        'parts.c = { from = "catalog:/p/{each}", each = "a.list", optional = true }'
    )
    world = await join(parts)

    response = await world.http.get("/a/A")

    assert response.json() == {"a": {"id": "5"}, "b": None, "c": []}
    assert response.headers["page-degraded"].count("reason=unavailable") == 3
    assert not world.catalog.requests


async def test_the_routes_timeout_ends_required_parts_by_a_504_and_optional_ones_by_what_stands_in(
    join: Join,
) -> None:
    required = await join('parts.a = { from = "catalog:/p" }', Exchange.until_left, more='timeout = "100ms"')
    response = await required.http.get("/a/A")
    assert (response.status_code, response.json()["source"]) == (504, "a")

    part = 'parts.a = { from = "catalog:/p", optional = true }'
    optional = await join(part, Exchange.until_left, more='timeout = "100ms"')
    response = await optional.http.get("/a/A")
    assert (response.status_code, response.headers["page-degraded"]) == (200, "a;reason=timeout")


async def test_when_a_required_part_fails_the_others_are_not_waited_for(join: Join) -> None:
    world = await join(f'parts.a = {{ from = "catalog:/p" }}\n{OTHER}', inventory=Exchange.until_left)
    world.catalog.answer = waiting(world.inventory.begun, answering(500, b""))
    async with asyncio.timeout(60):
        response = await world.http.get("/a/A")
        await world.inventory.last.ended.wait()

    assert (response.status_code, response.json()["source"]) == (502, "a")


async def test_a_part_whose_placeholder_cannot_be_filled_fails_without_a_call(join: Join) -> None:
    parts = 'parts.product = { from = "catalog:/p" }\nparts.b = { from = "inventory:/b/{product.brand}" }'
    world = await join(parts)
    for content, sentence in [
        ("{}", "product.brand: there is no field brand"),
        ('{"brand":null}', "product.brand: this is no text or number"),
        ('{"brand":{"id":1}}', "product.brand: this is no text or number"),
        ('{"brand":["x"]}', "product.brand: this is no text or number"),
        ('{"brand":""}', "it cannot be asked: product.brand is empty"),
        ("[]", "product.brand: there is no field brand"),
        ('"brand"', "product.brand: there is no field brand"),
        ("null", "product.brand: there is no field brand"),
    ]:
        world.catalog.answer = said(content)

        response = await world.http.get("/a/A")

        assert response.status_code == 502, content
        assert response.json()["detail"] == f"b: {sentence}.", content
        assert not world.inventory.requests, content
