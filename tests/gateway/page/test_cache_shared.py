"""Results in Valkey: what processes give each other, and that no page depends on it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
import valkey
from msgspec import Struct

from front.sockets import address, bound
from front.valkey import running_valkey
from gateway.page.cache import Cache, CacheState, KeptResults
from gateway.page.shared_cache import PAUSE, WARNS_EVERY, SharedStore
from gateway.upstream import Failed, Refused, Unreachable
from tests.support.caching import KEY, Clock, Titles, until
from tests.support.serving import nobody_there

POLICY = Cache(ttl=10, stale=60, stale_if_error=600, negative=5, shared=True)


class Book(Struct, frozen=True):
    """A result."""

    title: str
    pages: int = 0


class Process:
    """An app's process: it opens the store for one block, and all that it writes is written at its end."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock

    @asynccontextmanager
    async def source(
        self, policy: Cache = POLICY, *, name: str = "books title", shape: Any = str
    ) -> AsyncIterator[KeptResults]:
        """A source of a process that has just started."""
        async with SharedStore(self._url, clock=self._clock, now=self._clock) as store:
            kept = KeptResults(name, policy, shape, store, self._clock)
            try:
                yield kept
            finally:
                await kept.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def titles() -> Titles:
    return Titles()


@pytest.fixture
def process(valkey_url: str, clock: Clock) -> Process:
    """Each of its sources has only Valkey in common with the one before."""
    return Process(valkey_url, clock)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of the shared cache."""
    return [message for message in caplog.messages if message.startswith("the shared cache: ")]


async def test_another_process_finds_a_result(process: Process) -> None:
    first, second = Titles(Book("Dune", 412)), Titles(Book("never"))
    async with process.source(shape=Book) as kept:
        await kept.get(KEY, first.load)
    async with process.source(shape=Book) as kept:
        assert await kept.get(KEY, second.load) == (Book("Dune", 412), CacheState.HIT)
        assert kept.peek(KEY) == Book("Dune", 412)

    assert second.calls == 0


async def test_a_result_ages_while_no_process_has_it(process: Process, clock: Clock, titles: Titles) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
    titles.answer = "second"
    clock.pass_by(7)
    async with process.source() as kept:
        assert await kept.get(KEY, titles.load) == ("first", CacheState.HIT)
        clock.pass_by(3)
        assert await kept.get(KEY, titles.load) == ("first", CacheState.STALE)


async def test_a_stale_result_of_another_process_is_served_at_once_and_refreshed(
    process: Process, clock: Clock, titles: Titles
) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
    titles.answer = "second"
    titles.begun.clear()
    clock.pass_by(69)
    async with process.source() as kept:
        assert await kept.get(KEY, titles.load) == ("first", CacheState.STALE)
        await titles.begun.wait()
    async with process.source() as kept:
        assert await kept.get(KEY, titles.load) == ("second", CacheState.HIT)
    assert titles.calls == 2


async def test_a_refresh_takes_what_another_process_has_refreshed(
    process: Process, clock: Clock, titles: Titles
) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
        clock.pass_by(30)
        async with process.source(Cache(ttl=10, shared=True)) as other:
            titles.answer = "second"
            await other.get(KEY, titles.load)

        assert await kept.get(KEY, titles.load) == ("first", CacheState.STALE)
        await until(lambda: kept.peek(KEY) == "second")
    assert titles.calls == 2


async def test_another_processs_result_stands_in_for_a_failure(
    process: Process, clock: Clock, titles: Titles
) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
    titles.answer = Unreachable("away")
    clock.pass_by(300)
    async with process.source() as kept:
        assert await kept.get(KEY, titles.load) == ("first", CacheState.REVIVED)


async def test_a_newer_result_is_not_given_up_for_an_older_one(
    process: Process, clock: Clock, titles: Titles, valkey_url: str
) -> None:
    async with process.source(Cache(ttl=10, stale_if_error=60, shared=True)) as kept:
        await kept.get(KEY, titles.load)
    with valkey.Valkey.from_url(valkey_url) as client:
        (place,) = client.keys()
        older = client.get(place)
        clock.pass_by(30)
        async with process.source(Cache(ttl=10, stale_if_error=60, shared=True)) as kept:
            titles.answer = "second"
            await kept.get(KEY, titles.load)
            await until(lambda: client.get(place) != older)
            client.set(place, older)
            titles.answer = Unreachable("away")
            clock.pass_by(20)

            assert await kept.get(KEY, titles.load) == ("second", CacheState.REVIVED)


async def test_another_process_knows_that_there_is_no_such_thing(process: Process, titles: Titles) -> None:
    titles.answer = Refused(404, kind="urn:x", detail="No.", members={"isbn": [1]}, retry_after="9")
    for _ in range(2):
        async with process.source() as kept:
            with pytest.raises(Refused, match=r"^No\.$") as told:
                await kept.get(KEY, titles.load)
        refusal = told.value
        assert (refusal.answered, refusal.type, refusal.detail) == (404, "urn:x", "No.")
        assert (refusal.members, refusal.retry_after) == ({"isbn": [1]}, "9")
    assert titles.calls == 1


@pytest.mark.parametrize(
    "failure", [Refused(403), Refused(429), Failed("500"), ZeroDivisionError()], ids=repr
)
async def test_no_other_failure_is_shared(process: Process, titles: Titles, failure: Exception) -> None:
    titles.answer = failure
    for _ in range(2):
        async with process.source() as kept:
            with pytest.raises(type(failure)):
                await kept.get(KEY, titles.load)

    assert titles.calls == 2


async def test_what_is_gone_or_forbidden_comes_back_in_no_process(
    process: Process, clock: Clock, titles: Titles
) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
        clock.pass_by(100)
        titles.answer = Refused(403)
        with pytest.raises(Refused):
            await kept.get(KEY, titles.load)
    titles.answer = Unreachable("away")
    async with process.source() as kept:
        with pytest.raises(Unreachable):
            await kept.get(KEY, titles.load)


async def test_processes_with_other_types_do_not_read_each_others_results(process: Process) -> None:
    class Newer(Struct):
        title: str
        pages: int = 0
        author: str = ""

    async with process.source(shape=Book) as kept:
        await kept.get(KEY, Titles(Book("Dune")).load)
    async with process.source(shape=Newer) as kept:
        assert (await kept.get(KEY, Titles(Newer("New")).load))[1] is CacheState.MISS
    async with process.source(shape=Book) as kept:
        assert await kept.get(KEY, Titles().load) == (Book("Dune"), CacheState.HIT)


@pytest.mark.parametrize(
    ("name", "key", "policy"),
    [("books author", KEY, POLICY), ("books title", b"other", POLICY), ("books title", KEY, Cache(ttl=10))],
    ids=["source", "key", "not shared"],
)
async def test_only_the_same_key_of_the_same_shared_source_is_found(
    process: Process, titles: Titles, name: str, key: bytes, policy: Cache
) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
    async with process.source(policy, name=name) as kept:
        assert (await kept.get(key, titles.load))[1] is CacheState.MISS


async def test_a_long_key_takes_little_room_and_is_found(
    process: Process, titles: Titles, valkey_url: str
) -> None:
    keys = [b"k" * 10_000, b"k" * 10_000 + b"2"]
    async with process.source() as kept:
        for key in keys:
            await kept.get(key, titles.load)
    async with process.source() as kept:
        assert [(await kept.get(key, titles.load))[1] for key in keys] == [CacheState.HIT] * 2
    with valkey.Valkey.from_url(valkey_url) as client:
        assert max(map(len, client.keys())) < 100


async def test_valkey_forgets_a_result_when_it_is_of_no_use_any_more(
    process: Process, titles: Titles, valkey_url: str
) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
    with valkey.Valkey.from_url(valkey_url) as client:
        (place,) = client.keys()
        assert 0 < client.pttl(place) <= 610_000


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
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
    titles.answer = "second"
    with valkey.Valkey.from_url(valkey_url) as client:
        (place,) = client.keys()
        client.set(place, GARBAGE[garbage](client.get(place)))
    async with process.source() as kept:
        assert await kept.get(KEY, titles.load) == ("second", CacheState.MISS)
    (warning,) = warnings(caplog)
    assert warning.startswith("the shared cache: what it holds of books title cannot be read: ")


async def test_a_place_that_holds_something_else_is_a_miss_and_the_others_are_not(
    process: Process, titles: Titles, valkey_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
        await kept.get(b"other", titles.load)
    with valkey.Valkey.from_url(valkey_url) as client:
        (place,) = client.keys("*a key")
        client.delete(place)
        client.lpush(place, "a list")
    async with process.source() as kept:
        assert (await kept.get(KEY, titles.load))[1] is CacheState.MISS
        assert (await kept.get(b"other", titles.load))[1] is CacheState.HIT
    assert len(warnings(caplog)) == 1


async def test_a_result_that_is_not_what_its_source_says_is_served_and_not_shared(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    thing = object()
    async with process.source() as kept:
        assert await kept.get(KEY, Titles(thing).load) == (thing, CacheState.MISS)
        assert await kept.get(KEY, Titles().load) == (thing, CacheState.HIT)
    assert "cannot be written" in warnings(caplog)[0]


async def test_a_type_that_cannot_be_written_is_refused_at_the_start(process: Process) -> None:
    with pytest.raises(TypeError):
        async with process.source(shape=Titles):
            pass


async def test_without_valkey_everything_works(
    clock: Clock, titles: Titles, caplog: pytest.LogCaptureFixture
) -> None:
    async with Process(nobody_there().replace("http", "valkey"), clock).source() as kept:
        answers = [await kept.get(key, titles.load) for key in (KEY, b"other", KEY)]

    assert [state for _, state in answers] == [CacheState.MISS, CacheState.MISS, CacheState.HIT]
    assert len(warnings(caplog)) == 1  # and not one for each


async def test_a_valkey_that_stops_is_missed_by_nobody_and_used_again_when_it_is_back(
    tmp_path: Path, clock: Clock, titles: Titles, caplog: pytest.LogCaptureFixture
) -> None:
    there = tmp_path / "valkey"
    process = Process(f"unix://{there}", clock)

    @contextmanager
    def serving() -> Iterator[None]:
        with running_valkey(tmp_path) as url:
            there.symlink_to(unquote(url.removeprefix("unix://")))
            yield
        there.unlink()

    async with process.source() as kept:
        with serving():
            await kept.get(KEY, titles.load)
            async with process.source() as other:
                await until_shared(other, titles)
        clock.pass_by(1)
        assert (await kept.get(b"while it is gone", titles.load))[1] is CacheState.MISS
        with serving():
            clock.pass_by(PAUSE)
            await kept.get(b"again", titles.load)
            async with process.source() as other:
                await until_shared(other, titles, b"again")
    assert len(warnings(caplog)) == 1


async def until_shared(kept: KeptResults, titles: Titles, key: bytes = KEY) -> None:
    """Return when Valkey has the result of this key."""
    async with asyncio.timeout(5):
        while (await kept.get(key, titles.load))[1] is not CacheState.HIT:
            pass


async def test_a_valkey_that_does_not_answer_holds_nobody_up(
    clock: Clock, titles: Titles, caplog: pytest.LogCaptureFixture
) -> None:
    with bound() as silent:
        silent.listen()
        async with asyncio.timeout(5), Process(f"valkey://{address(silent)}", clock).source() as kept:
            assert await kept.get(KEY, titles.load) == ("first", CacheState.MISS)
    assert "does not answer" in warnings(caplog)[0]


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
async def test_what_is_no_valkey_holds_nobody_up(
    clock: Clock, titles: Titles, caplog: pytest.LogCaptureFixture, talk: bytes
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(talk)
        writer.close()

    sock = bound()
    process = Process(f"valkey://{address(sock)}", clock)
    async with await asyncio.start_server(answer, sock=sock), asyncio.timeout(5), process.source() as kept:
        assert await kept.get(KEY, titles.load) == ("first", CacheState.MISS)
    assert len(warnings(caplog)) == 1


async def test_a_valkey_that_gave_no_answer_is_let_alone_for_a_while(clock: Clock, titles: Titles) -> None:
    connections = []

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(clock.seconds)
        writer.close()

    sock = bound()
    process = Process(f"valkey://{address(sock)}", clock)
    async with await asyncio.start_server(hang_up, sock=sock), asyncio.timeout(5), process.source() as kept:
        begun = clock.seconds
        for key in (b"asks", b"asks not", b"asks not either"):
            await kept.get(key, titles.load)
        clock.pass_by(PAUSE)
        await kept.get(b"asks again", titles.load)

    assert set(connections) == {begun, begun + PAUSE}
    assert connections.count(begun) == 1


async def test_warnings_come_now_and_then(
    clock: Clock, titles: Titles, caplog: pytest.LogCaptureFixture
) -> None:
    async with Process(nobody_there().replace("http", "valkey"), clock).source() as kept:
        for second in range(int(WARNS_EVERY) + 1):
            await kept.get(b"%d" % second, titles.load)
            clock.pass_by(PAUSE)

    assert len(warnings(caplog)) == 2


async def test_readers_who_leave_midway_leave_no_answer_to_others(process: Process) -> None:
    async def load_of(key: bytes) -> str:
        return key.decode()

    keys = [b"key %d" % number for number in range(60)]
    async with process.source() as kept:
        for key in keys:
            await kept.get(key, partial(load_of, key))

    async with process.source() as kept:
        for steps, key in enumerate(keys):
            reader = asyncio.create_task(kept.get(key, partial(load_of, b"loaded")))
            for _ in range(steps % 20):
                await asyncio.sleep(0)
            reader.cancel()
        answers = [await kept.get(key, partial(load_of, key)) for key in keys]

    assert answers == [(key.decode(), CacheState.HIT) for key in keys]
