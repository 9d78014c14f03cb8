"""What is too big is refused before it costs anything, or cut off where that shows only later."""

import asyncio
import tracemalloc
from collections.abc import Callable

import pytest

from frontispiece.gateway.request_limits import HeaderLimits
from frontispiece.http.accept import parse_accept, preferred_media_type
from frontispiece.http.dates import parse_date
from frontispiece.http.memo import Memo
from frontispiece.server.limits import DEFAULT_LIMITS
from tests.frontispiece.gateway.attacks.conftest import Attacked
from tests.support.recorder import connected, everything, statuses

GET = b"GET /files/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
LITTLE = b"POST /little HTTP/1.1\r\nHost: a\r\n"
NEXT = b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
KIB = 1024


async def test_as_many_fields_as_there_may_be_are_taken_and_one_more_is_not(attacked: Attacked) -> None:
    at_most = GET + b"X-A: b\r\n" * (HeaderLimits().fields - 2)

    assert statuses(await attacked.say(at_most + b"\r\n")) == [200]
    assert statuses(refused := await attacked.say(at_most + b"X-A: b\r\n\r\n")) == [431]

    assert b"urn:frontispiece:problem:too-many-headers" in refused
    assert len(attacked.upstream.requests) == 1


@pytest.mark.parametrize("field", [b"X-A: " + b"b" * 33 * KIB, b"X-" + b"A" * 33 * KIB + b": b"])
async def test_fields_that_are_too_large_together_are_refused(attacked: Attacked, field: bytes) -> None:
    assert statuses(await attacked.say(GET + b"X-A: " + b"b" * 31 * KIB + b"\r\n\r\n")) == [200]
    assert statuses(refused := await attacked.say(GET + field + b"\r\n\r\n")) == [431]

    assert b"urn:frontispiece:problem:headers-too-large" in refused
    assert len(attacked.upstream.requests) == 1


async def test_a_host_is_no_longer_than_a_name_can_be(attacked: Attacked) -> None:
    for length, status in ((253, 200), (1000, 400)):
        host = b"Host: " + b"a" * length + b"\r\n"
        assert statuses(await attacked.say(GET.replace(b"Host: a\r\n", host) + b"\r\n")) == [status]


def test_texts_that_clients_choose_fill_no_memory() -> None:
    memo = Memo[bytes, int](len, 2)
    assert (memo[b"x" * 30 * KIB], memo[b"a"], memo[b"bc"]) == (30 * KIB, 1, 2)
    assert memo == {b"a": 1, b"bc": 2}
    assert (memo[b"def"], dict(memo)) == (3, {b"def": 3})


@pytest.mark.parametrize(
    "read",
    [
        parse_accept,
        lambda text: preferred_media_type(text, frozenset({"text/html"}), "text/html"),
        lambda text: parse_date(text.encode()),
    ],
)
def test_values_that_clients_choose_fill_no_memory(read: Callable[[str], object]) -> None:
    tracemalloc.start()
    try:
        for each in range(40):
            read("x" * 100 * KIB + str(each))
        assert tracemalloc.get_traced_memory()[0] < 1000 * KIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("piece", [b"X-A: b\r\n", b"b" * KIB])
async def test_a_head_without_an_end_is_cut_off(attacked: Attacked, piece: bytes) -> None:
    async with asyncio.timeout(60), connected(attacked.url) as (reader, writer):
        writer.write(b"GET /files/a HTTP/1.1\r\nHost: a\r\nX-A: ")
        answer = asyncio.create_task(everything(reader))
        sent = 0
        while not answer.done():
            writer.write(piece * 8)
            await asyncio.sleep(0)
            sent += len(piece) * 8
            assert sent < 100 * DEFAULT_LIMITS.max_header_bytes

    assert statuses(answer.result()) == [431]
    assert not attacked.upstream.bytes


async def test_a_target_that_is_too_long_is_refused(attacked: Attacked) -> None:
    end = b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    for target in (b"/files/" + b"a" * 17 * KIB, b"/files/a?" + b"b" * 17 * KIB):
        assert statuses(refused := await attacked.say(b"GET " + target + end)) == [414]
        assert b"urn:frontispiece:problem:uri-too-long" in refused
    assert not attacked.upstream.bytes


# Bodies.


async def test_a_body_that_says_it_is_too_long_is_refused_before_it_is_read(attacked: Attacked) -> None:
    async with asyncio.timeout(60), connected(attacked.url) as (reader, writer):
        writer.write(LITTLE + b"Expect: 100-continue\r\nContent-Length: 1025\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")

    assert statuses(head) == [413]
    assert not attacked.upstream.bytes


async def test_a_client_that_sends_it_all_the_same_can_go_on(attacked: Attacked) -> None:
    answer = await attacked.say(LITTLE + b"Content-Length: 1025\r\n\r\n", b"x" * 1025 + NEXT)

    assert statuses(answer) == [413, 404]
    assert not attacked.upstream.bytes


async def test_a_body_of_just_the_size_passes_however_it_comes(attacked: Attacked) -> None:
    sized = LITTLE + b"Content-Length: 1024\r\n\r\n" + b"x" * KIB
    chunked = LITTLE + b"Transfer-Encoding: chunked\r\n\r\n" + b"200\r\n" + b"x" * 512 + b"\r\n"

    answer = await attacked.say(sized + chunked, b"200\r\n" + b"x" * 512 + b"\r\n0\r\n\r\n" + NEXT)

    assert statuses(answer) == [200, 200, 404]
    assert [len(request.body) for request in attacked.upstream.requests] == [KIB, KIB]


async def test_a_body_that_turns_out_too_long_is_cut_off_and_never_whole_at_the_service(
    attacked: Attacked,
) -> None:
    chunk = b"200\r\n" + b"x" * 512 + b"\r\n"

    answer = await attacked.say(
        LITTLE + b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk, b"1\r\nx\r\n", b"0\r\n\r\n" + NEXT
    )

    assert statuses(answer) == [413, 404]
    assert b"urn:frontispiece:problem:body-too-large" in answer
    assert not any(request.complete or len(request.body) > KIB for request in attacked.upstream.requests)


@pytest.mark.parametrize(
    ("begun", "endless"),
    [(b"1;", b"a" * KIB), (b"1\r\nx\r\n0\r\n", b"X-A: b\r\n" * 100), (b"0\r\nX-A: ", b"b" * KIB)],
    ids=["a chunk extension", "trailers", "one trailer"],
)
async def test_framing_without_an_end_is_cut_off(attacked: Attacked, begun: bytes, endless: bytes) -> None:
    start = b"POST /files/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with asyncio.timeout(60), connected(attacked.url) as (reader, writer):
        writer.write(start + begun)
        answer = asyncio.create_task(everything(reader))
        sent = 0
        while not answer.done():
            writer.write(endless * 4)
            await asyncio.sleep(0)
            sent += len(endless) * 4
            assert sent < 100 * DEFAULT_LIMITS.max_header_bytes

    assert statuses(answer.result()) == [400]
    assert not any(request.complete for request in attacked.upstream.requests)
