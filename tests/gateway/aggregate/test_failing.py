"""Section by section what a client is told when a part fails: a required one, and an optional one."""

import asyncio

import pytest

from tests.gateway.aggregate.conftest import JSON, Join, said
from tests.support.stub import Answer, Exchange, answering

PROBLEM = (b"content-type", b"application/problem+json")
HTML = (b"content-type", b"text/html")
OTHER = 'parts.other = { from = "inventory:/s" }'


def refusing(status: int) -> Answer:
    content = b'{"type":"urn:shop:problem:no","title":"No","detail":"Not this.","sku":"A"}'
    return answering(status, content, PROBLEM, (b"retry-after", b"7"))


FAILURES = {
    "unknown": (refusing(404), 404, "refused"),
    "conflict": (refusing(409), 409, "refused"),
    "gone": (refusing(410), 410, "refused"),
    "unfit": (refusing(422), 422, "refused"),
    "too many": (refusing(429), 429, "refused"),
    "asked wrongly": (answering(400, b"", JSON), 502, "refused"),
    "slow": (Exchange.until_left, 504, "timeout"),
    "failing": (answering(500, b"{}", JSON), 502, "failed"),
    "no JSON": (said("{"), 502, "nonsense"),
    "no UTF-8": (said(b'{"a":"\xff"}'), 502, "nonsense"),
    "a byte-order mark": (said(b"\xef\xbb\xbf{}"), 502, "nonsense"),
    "too deep": (said("[" * 100_000), 502, "nonsense"),
    "another type": (answering(200, b"{}", HTML), 502, "nonsense"),
    "no type": (answering(200, b"{}"), 502, "nonsense"),
    "nothing": (answering(204, b""), 502, "nonsense"),
    "elsewhere": (answering(302, b"{}", JSON, (b"location", b"/x")), 502, "nonsense"),
    "too long": (said(b'"' + b"x" * (10 * 1024 * 1024) + b'"'), 502, "nonsense"),
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_failing_required_part_is_the_failure_of_the_answer(join: Join, failure: str) -> None:
    answer, status, _ = FAILURES[failure]
    world = await join(f'parts.part = {{ from = "catalog:/p", timeout = "500ms" }}\n{OTHER}', answer)

    told = await world.http.get("/a/A")

    assert told.status_code == status
    assert told.headers["content-type"] == "application/problem+json"
    assert told.json()["source"] == "part"
    assert told.json()["request_id"] == told.headers["x-request-id"]
    if status in {404, 409, 410, 422, 429}:
        assert (told.json()["type"], told.json()["sku"]) == ("urn:shop:problem:no", "A")
        assert told.headers["retry-after"] == "7"


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_failing_optional_part_is_replaced_and_named(join: Join, failure: str) -> None:
    answer, _, reason = FAILURES[failure]
    part = (
        'parts.part = { from = "catalog:/p", timeout = "500ms", optional = true, '
        'else = { level = "unknown" } }'
    )
    world = await join(f"{part}\n{OTHER}", answer)

    told = await world.http.get("/a/A")

    assert told.status_code == 200
    assert told.json() == {"part": {"level": "unknown"}, "other": {"sku": "A", "n": 1}}
    assert told.headers["page-degraded"] == f"part;reason={reason}"
    assert told.headers["cache-control"] == "no-store"


async def test_a_required_service_that_is_not_there_is_a_503_that_says_when_to_try_again(join: Join) -> None:
    world = await join('parts.part = { from = "gone:/p" }')

    told = await world.http.get("/a/A")

    assert (told.status_code, told.json()["source"]) == (503, "part")
    assert told.headers["retry-after"]


async def test_an_optional_part_without_anything_else_is_null(join: Join) -> None:
    world = await join(f'parts.part = {{ from = "gone:/p", optional = true }}\n{OTHER}')

    told = await world.http.get("/a/A")

    assert told.json()["part"] is None
    assert told.headers["page-degraded"] == "part;reason=unavailable"


async def test_several_optional_parts_that_fail_are_all_named(join: Join) -> None:
    parts = (
        'parts.a = { from = "gone:/p", optional = true }\nparts.b = { from = "catalog:/p", optional = true }'
    )
    world = await join(f"{parts}\n{OTHER}", answering(500, b""))

    degraded = (await world.http.get("/a/A")).headers["page-degraded"]

    assert sorted(degraded.split(", ")) == ["a;reason=unavailable", "b;reason=failed"]


async def test_an_optional_part_behind_one_that_failed_is_replaced_as_well_and_not_asked(join: Join) -> None:
    parts = (
        'parts.a = { from = "gone:/p", optional = true, else = { id = "5" } }\n'
        'parts.b = { from = "catalog:/p/{a.id}", optional = true }\n'
        'parts.c = { from = "catalog:/p/{each}", each = "a.list", optional = true }'
    )
    world = await join(parts)

    told = await world.http.get("/a/A")

    assert told.json() == {"a": {"id": "5"}, "b": None, "c": []}
    assert told.headers["page-degraded"].count("reason=unavailable") == 3
    assert not world.catalog.asked


async def test_the_routes_timeout_ends_required_parts_by_a_504_and_optional_ones_by_what_stands_in(
    join: Join,
) -> None:
    required = await join('parts.a = { from = "catalog:/p" }', Exchange.until_left, more='timeout = "100ms"')
    told = await required.http.get("/a/A")
    assert (told.status_code, told.json()["source"]) == (504, "a")

    optional = await join(
        f'parts.a = {{ from = "catalog:/p", optional = true }}\n{OTHER}',
        Exchange.until_left,
        more='timeout = "500ms"',
    )
    told = await optional.http.get("/a/A")
    assert (told.status_code, told.headers["page-degraded"]) == (200, "a;reason=timeout")


async def test_when_a_required_part_fails_the_others_are_not_waited_for(join: Join) -> None:
    world = await join(f'parts.a = {{ from = "catalog:/p" }}\n{OTHER}', inventory=Exchange.until_left)

    async def answer(exchange: Exchange) -> None:
        await world.inventory.begun.wait()
        await answering(500, b"")(exchange)

    world.catalog.answer = answer
    async with asyncio.timeout(10):
        told = await world.http.get("/a/A")
        await world.inventory.last.ended.wait()

    assert (told.status_code, told.json()["source"]) == (502, "a")


@pytest.mark.parametrize(
    ("said_of_it", "sentence"),
    [
        ("{}", "product.brand: there is no field brand"),
        ('{"brand":null}', "product.brand: this is no text or number"),
        ('{"brand":{"id":1}}', "product.brand: this is no text or number"),
        ('{"brand":["x"]}', "product.brand: this is no text or number"),
        ('{"brand":""}', "it cannot be asked: product.brand is empty"),
        ("[]", "product.brand: there is no field brand"),
        ('"brand"', "product.brand: there is no field brand"),
        ("null", "product.brand: there is no field brand"),
    ],
)
async def test_a_part_whose_placeholder_cannot_be_filled_fails_and_nothing_is_asked(
    join: Join, said_of_it: str, sentence: str
) -> None:
    parts = 'parts.product = { from = "catalog:/p" }\nparts.b = { from = "inventory:/b/{product.brand}" }'
    world = await join(parts, said(said_of_it))

    told = await world.http.get("/a/A")

    assert told.status_code == 502
    assert told.json()["detail"] == f"b: {sentence}."
    assert not world.inventory.asked


async def test_a_service_that_leads_elsewhere_is_not_followed(join: Join) -> None:
    world = await join(
        f'parts.a = {{ from = "catalog:/p", optional = true }}\n{OTHER}',
        answering(307, b"", (b"location", b"/other")),
    )

    await world.http.get("/a/A")

    assert len(world.catalog.asked) == 1
