"""RFC 9110, section 14, and RFC 9111, 3.3 and 3.4: ranges from stored responses, and stored parts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.gateway.call import Call
from frontispiece.http.ranges import content_range, requested_range
from frontispiece.upstream import Reply
from tests.support import calls
from tests.support.cached import Received, World, call, read, reply, streamed

BODY = b"0123456789"
FRESH: dict[str, Any] = {"cache_control": "max-age=60", "etag": '"1"', "x_own": "1"}


class Ranges:
    """A service that answers ranges of `content`, whose tag is `etag`."""

    def __init__(
        self, world: World, content: bytes = BODY, etag: str | None = '"1"', *, in_chunks: bool = False
    ) -> None:
        self.world = world
        self.in_chunks = in_chunks
        self.content = content
        self.fields: dict[str, Any] = {"cache_control": "max-age=60"} | ({"etag": etag} if etag else {})
        world.origin.answer = self

    async def __call__(self, request: Call) -> Reply:
        wanted = requested_range(request.headers)
        bounds = wanted.bounds(len(self.content)) if wanted else None
        if bounds is None:
            return reply(200, self.content, **self.fields)
        start, end = bounds
        part = f"bytes {start}-{end - 1}/{len(self.content)}"
        made = reply(206, self.content[start:end], content_range=part, **self.fields)
        if self.in_chunks:
            made.body = calls.in_chunks(self.content[start:end][:1], self.content[start:end][1:])
        return made

    async def get(self, span: str, **fields: str) -> Received:
        """A range of it."""
        return await self.world.get(range=f"bytes={span}", **fields)


@pytest.fixture
async def whole() -> World:
    """A world where a whole response is stored."""
    world = World()
    await world.store(200, BODY, **FRESH)
    return world


@pytest.mark.parametrize(
    ("span", "body", "part"),
    [
        ("0-1", b"01", "0-1/10"),
        ("3-3", b"3", "3-3/10"),
        ("7-", b"789", "7-9/10"),
        ("0-", BODY, "0-9/10"),
        ("8-99999999999999999999999999", b"89", "8-9/10"),
        ("-3", b"789", "7-9/10"),
        ("-99", BODY, "0-9/10"),
        ("\t0-1 ", b"01", "0-1/10"),
    ],
)
async def test_14_2_a_range_is_answered_from_the_whole(
    whole: World, span: str, body: bytes, part: str
) -> None:
    whole.clock.now += 7
    answer = await whole.get(range=f"Bytes={span}")

    assert (answer.status, answer.body, answer.is_hit) == (206, body, True)
    assert answer.headers["content-range"] == f"bytes {part}"
    assert answer.headers["content-length"] == str(len(body))
    assert (answer.headers["etag"], answer.headers["x-own"], answer.headers["age"]) == ('"1"', "1", "7")
    assert whole.requests == 1


async def test_14_2_a_range_in_two_lines_gets_the_whole_and_a_head_knows_no_range(whole: World) -> None:
    request = call()
    request.headers += [(b"range", b"bytes=0-1"), (b"range", b"bytes=0-1")]
    assert (await read(await whole.handler(request))).status == 200
    head = await whole.ask("HEAD", range="bytes=0-1")
    assert (head.status, head.headers["content-length"]) == (200, "10")


async def test_13_1_5_a_weak_tag_never_matches_and_a_date_only_when_it_is_strong() -> None:
    world = World()
    await world.store(200, BODY, cache_control="max-age=60", etag='W/"1"')
    assert (await world.get(range="bytes=0-1", if_range='W/"1"')).status == 200
    for modified, condition, status in ((-60, -60, 206), (-60, -59, 200), (-60, -61, 200), (0, 0, 200)):
        world = World()
        dates = {"last_modified": world.clock.date(modified), "date": world.clock.date()}
        await world.store(200, BODY, cache_control="max-age=60", **dates)
        answer = await world.get(range="bytes=0-1", if_range=world.clock.date(condition))
        assert answer.status == status


async def test_3_3_a_part_serves_what_lies_in_it_and_nothing_else() -> None:
    world = World(store_partial=True)
    ranges = Ranges(world)
    await ranges.get("2-6")
    for span, body in (("2-6", b"23456"), ("3-4", b"34"), ("6-6", b"6")):
        answer = await ranges.get(span)
        assert (answer.status, answer.body, answer.is_hit) == (206, body, True)
        assert answer.headers["content-length"] == str(len(body))
    for span in ("1-3", "5-7", "7-", "-1", "0-", "0-1,3-4"):
        assert (await Ranges(world, etag='"2"').get(span)).cache.startswith("gateway; fwd=")
        await world.cache.clear()
        await Ranges(world).get("2-6")
    answer = await world.get()
    assert (answer.status, answer.body) == (200, BODY)
    assert answer.cache == "gateway; fwd=partial; fwd-status=200; stored"
    assert (await ranges.get("0-1")).is_hit


async def test_3_4_parts_with_the_same_strong_tag_are_combined_to_the_whole() -> None:
    world = World(store_partial=True)
    ranges = Ranges(world)
    for span in ("4-5", "6-7", "2-4", "-3", "3-4", "0-3"):
        await ranges.get(span)
    before = world.requests
    for span, body in (("0-9", BODY), ("2-8", b"2345678")):
        assert (await ranges.get(span)).body == body
    answer = await world.get()
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, BODY, "10")
    assert "content-range" not in answer.headers
    assert (await world.get(if_none_match='"1"')).status == 304
    assert world.requests == before


@pytest.mark.parametrize("etag", [None, 'W/"1"'])
async def test_3_4_parts_without_a_strong_tag_are_never_combined(etag: str | None) -> None:
    world = World(store_partial=True)
    ranges = Ranges(world, etag=etag)
    await ranges.get("0-4")
    await ranges.get("5-9")
    assert (await ranges.get("5-9")).is_hit
    assert not (await ranges.get("3-6")).is_hit
    assert not (await world.get()).is_hit


async def test_3_4_parts_of_different_representations_are_never_combined() -> None:
    for changed in (
        {"content": b"abcdefghij", "etag": '"2"'},
        {"content": BODY + b"x", "etag": '"1"'},
    ):
        world = World(store_partial=True)
        await Ranges(world).get("0-4")
        newer = Ranges(world, **changed)  # type: ignore[arg-type]
        await newer.get("5-9")
        assert (await newer.get("5-9")).body == newer.content[5:10]
        assert not (await newer.get("4-6")).is_hit
        assert (await world.get()).body == newer.content


@pytest.mark.parametrize("fields", [{"cache_control": "public, max-age=60"}, {"cache_tag": "a"}])
async def test_parts_for_other_callers_or_purged_by_other_tags_are_not_combined(
    fields: dict[str, str],
) -> None:
    ranges = Ranges(World(store_partial=True))
    await ranges.get("0-4")
    ranges.fields |= fields
    await ranges.get("5-9")
    assert (await ranges.get("5-9")).is_hit
    assert not (await ranges.get("4-6")).is_hit


async def test_3_4_the_newer_fields_hold_for_combined_parts() -> None:
    world = World(store_partial=True)
    ranges = Ranges(world)
    ranges.fields |= {"x_old": "1", "x_both": "1"}
    await ranges.get("0-4")
    world.clock.now += 50
    del ranges.fields["x_old"]
    ranges.fields["x_both"] = "2"
    await ranges.get("5-9")
    world.clock.now += 50
    answer = await ranges.get("3-6")
    assert answer.is_hit
    assert (answer.headers["x-old"], answer.headers["x-both"], answer.headers["age"]) == ("1", "2", "50")


async def test_a_part_takes_no_whole_away_that_was_stored_meanwhile() -> None:
    world = World(store_partial=True)
    ranges = Ranges(world)

    async def meanwhile(request: Call) -> Reply:
        world.origin.answer = ranges
        await world.get()
        return await ranges(request)

    world.origin.answer = meanwhile
    assert (await ranges.get("0-1")).cache == "gateway; fwd=uri-miss; fwd-status=206"
    assert (await world.get()).is_hit


@pytest.mark.parametrize(
    "part",
    [
        "bytes 0-3/10",
        "bytes 0-1/*",
        "bytes */10",
        "bytes 1-0/10",
        "bytes 0-9/5",
        "rows 0-1/10",
        "0-1/10",
        "bytes 0-1/9999999999999999999999",
        "bytes 0-1/10, bytes 0-1/10",
        None,
    ],
)
@pytest.mark.parametrize("in_chunks", [False, True])
async def test_3_3_a_part_that_is_not_what_it_says_is_not_stored(
    part: str | None, *, in_chunks: bool
) -> None:
    world = World(store_partial=True)
    fields: dict[str, Any] = FRESH | ({"content_range": part} if part else {})

    async def answer(_call: Call) -> Reply:
        made = streamed(b"01", **fields) if in_chunks else reply(206, b"01", **fields)
        made.status = 206
        return made

    world.origin.answer = answer
    for _ in range(2):
        assert (await world.get(range="bytes=0-1")).body == b"01"
    assert world.requests == 2


async def test_a_streamed_part_is_stored_at_its_end_and_a_longer_one_than_the_maximum_is_not() -> None:
    for max_size, stored in ((5, True), (4, False)):
        world = World(store_partial=True, max_body_size=f"{max_size}B")

        async def answer(_call: Call) -> Reply:
            made = streamed(b"23", b"456", **FRESH, content_range="bytes 2-6/10")
            made.status = 206
            return made

        world.origin.answer = answer
        assert (await world.get(range="bytes=2-6")).body == b"23456"
        assert (await world.get(range="bytes=3-4")).is_hit is stored
    world = World(store_partial=True, max_body_size="5B")
    ranges = Ranges(world)
    await ranges.get("0-4")
    await ranges.get("5-9")
    assert (await ranges.get("5-9")).is_hit
    assert not (await ranges.get("0-4")).is_hit, "together they would be too long"


async def test_a_stale_part_is_loaded_again() -> None:
    world = World(store_partial=True, stale_while_revalidate="1h")
    ranges = Ranges(world)
    await ranges.get("0-4")
    world.clock.now += 61
    answer = await ranges.get("0-4")
    assert answer.cache == "gateway; fwd=stale; fwd-status=206; stored"
    assert (await ranges.get("0-4")).is_hit


async def test_a_part_with_if_range_or_a_variant_of_its_own() -> None:
    world = World(store_partial=True)
    ranges = Ranges(world)
    ranges.fields["vary"] = "Accept-Language"
    await ranges.get("0-4", accept_language="de")
    assert (await ranges.get("0-4", accept_language="de", if_range='"1"')).is_hit
    assert not (await ranges.get("0-4", accept_language="de", if_range='"0"')).is_hit
    assert (await ranges.get("0-4", accept_language="en")).cache.startswith("gateway; fwd=vary-miss")


@given(st.binary(max_size=40) | st.from_regex(rb"bytes=[0-9]{0,30}-[0-9]{0,30}", fullmatch=True))
def test_any_bytes_are_a_range_or_none_and_a_range_lies_within(value: bytes) -> None:
    wanted = requested_range([(b"range", value)])
    content_range([(b"content-range", value)])
    for length in (0, 1, 10, 10**6):
        bounds = wanted.bounds(length) if wanted else None
        assert bounds is None or 0 <= bounds[0] < bounds[1] <= length


SPANS = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted)


@given(spans=st.lists(SPANS | st.none(), max_size=12), in_chunks=st.booleans())
async def test_whatever_was_stored_before_a_client_gets_the_bytes_of_its_range(
    *, spans: list[list[int] | None], in_chunks: bool
) -> None:
    world = World(store_partial=True)
    ranges = Ranges(world, in_chunks=in_chunks)
    seen: set[int] = set()
    for span in spans:
        first, last = span or (0, 9)
        answer = await (ranges.get(f"{first}-{last}") if span else world.get())
        assert (answer.status, answer.body) == (206 if span else 200, BODY[first : last + 1])
        if answer.is_hit:
            assert seen.issuperset(range(first, last + 1)), "nothing is served that the service has not sent"
        seen.update(range(first, last + 1))
