"""That no page depends on Valkey, whatever has become of it."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
import valkey

from frontispiece.pages.result_cache import CacheState
from frontispiece.server.sockets import address, bound
from tests.support.caching import KEY, Process, Titles
from tests.support.clock import Clock
from tests.support.serving import nobody_there


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of the shared cache."""
    return [message for message in caplog.messages if message.startswith("the shared cache")]


def _another_value(entry: bytes) -> bytes:
    return msgspec.msgpack.encode([*msgspec.msgpack.decode(entry)[:3], ["no", "text"]])


def _another_key(entry: bytes) -> bytes:
    return msgspec.msgpack.encode([b"other", *msgspec.msgpack.decode(entry)[1:]])


GARBAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "no MessagePack": lambda _: b"\xc1",
    "text": lambda _: b"hello",
    "cut off": lambda entry: entry[:-1],
    "too long": lambda entry: entry + b"\x00",
    "no text in Unicode's sense": lambda entry: entry.replace(b"first", b"fir\xff\xff"),
    "another value": _another_value,
    "another key's": _another_key,
}


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_is_a_miss_and_a_warning(
    process: Process, titles: Titles, valkey_url: str, caplog: pytest.LogCaptureFixture, garbage: str
) -> None:
    async with process.source() as cache:
        await cache.get(KEY, titles.load)
    titles.answer = "second"
    with valkey.Valkey.from_url(valkey_url) as client:
        (place,) = client.keys()
        client.set(place, GARBAGE[garbage](client.get(place)))
    async with process.source() as cache:
        assert await cache.get(KEY, titles.load) == ("second", CacheState.MISS)
    (warning,) = warnings(caplog)
    assert warning.startswith("the shared cache: an entry of books title cannot be decoded: ")


async def test_a_place_that_holds_something_else_is_a_miss_and_the_others_are_not(
    process: Process, titles: Titles, valkey_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with process.source() as cache:
        await cache.get(KEY, titles.load)
        await cache.get(b"other", titles.load)
    with valkey.Valkey.from_url(valkey_url) as client:
        (place,) = client.keys("*a key")
        client.delete(place)
        client.lpush(place, "a list")
    async with process.source() as cache:
        assert (await cache.get(KEY, titles.load))[1] is CacheState.MISS
        assert (await cache.get(b"other", titles.load))[1] is CacheState.HIT
    assert len(warnings(caplog)) == 1


async def test_a_result_that_is_not_what_its_source_says_is_served_and_not_shared(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    thing = object()
    async with process.source() as cache:
        assert await cache.get(KEY, Titles(thing).load) == (thing, CacheState.MISS)
        assert await cache.get(KEY, Titles().load) == (thing, CacheState.HIT)
    assert "cannot be encoded" in warnings(caplog)[0]


async def test_a_type_that_cannot_be_written_is_refused_at_the_start(process: Process) -> None:
    with pytest.raises(TypeError):
        async with process.source(shape=Titles):
            pass


async def test_without_valkey_everything_works(
    clock: Clock, titles: Titles, caplog: pytest.LogCaptureFixture
) -> None:
    async with Process(nobody_there().replace("http", "valkey"), clock).source() as cache:
        answers = [await cache.get(key, titles.load) for key in (KEY, b"other", KEY)]

    assert [state for _, state in answers] == [CacheState.MISS, CacheState.MISS, CacheState.HIT]
    assert len(warnings(caplog)) == 1  # and not one for each


@pytest.mark.parametrize(
    "talk",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"$x\r\n",
        b"*2\r\n",
        b"$5\r\nab",
        b"\xff" * 99,
        b"$-9\r\n:x\r\n",
        b"%1\r\n",
        b"+OK\r\n" * 3 + b":1\r\n",
        b"+OK\r\n" * 3 + b"*1\r\n:1\r\n",
        b"-ERR no\r\n" * 9,
    ],
    ids=repr,
)
async def test_a_server_that_is_no_valkey_delays_no_load(
    clock: Clock, titles: Titles, caplog: pytest.LogCaptureFixture, talk: bytes
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(talk)
        writer.close()

    sock = bound()
    process = Process(f"valkey://{address(sock)}", clock)
    async with await asyncio.start_server(answer, sock=sock), asyncio.timeout(30), process.source() as cache:
        assert await cache.get(KEY, titles.load) == ("first", CacheState.MISS)
    assert len(warnings(caplog)) == 1
