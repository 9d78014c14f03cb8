"""RFC 9111, section 3: which answers are kept. The number before a sentence is the section."""

from typing import Any

import pytest

from gateway.upstream import Nonsense
from tests.support.cached import USER, World, call, read, reply, streamed

FRESH = "max-age=60"


@pytest.mark.parametrize(
    "status", [200, 203, 204, 300, 301, 302, 307, 308, 404, 405, 410, 414, 451, 500, 501, 503, 299, 499]
)
async def test_3_a_final_status_is_kept_when_it_says_for_how_long(status: int) -> None:
    world = World()
    world.origin.says(status, b"" if status == 204 else b"a", cache_control=FRESH)
    await world.get()

    again = await world.get()
    assert (again.is_hit, again.status, world.asked) == (True, status, 1)


@pytest.mark.parametrize("status", [206, 304])
async def test_3_an_answer_that_is_not_whole_is_not_kept(status: int) -> None:
    world = World()
    world.origin.says(status, cache_control=FRESH)
    await world.get()

    assert not (await world.get()).is_hit


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "PATCH", "DELETE"])
async def test_3_only_answers_to_get_are_kept(method: str) -> None:
    world = World()
    world.origin.says(cache_control=FRESH)
    await world.ask(method)

    assert not (await world.get()).is_hit


async def test_3_without_any_word_of_how_long_nothing_is_used_again() -> None:
    world = World()

    assert not await world.is_kept()
    assert not await world.is_kept(last_modified=world.clock.date(-(10**6)))


async def test_3_the_lifetime_of_a_route_is_for_answers_that_say_nothing() -> None:
    world = World(ttl="30s")
    assert await world.is_kept()

    world.clock.now += 30
    assert not (await world.get()).is_hit


@pytest.mark.parametrize(
    "control",
    ["no-store", "private", "no-cache", "max-age=0", "s-maxage=0, max-age=60", "private, max-age=60"],
)
async def test_the_lifetime_of_a_route_counts_for_nothing_against_what_the_answer_says(control: str) -> None:
    assert not await World(ttl="30s").is_kept(cache_control=control)


@pytest.mark.parametrize("status", [302, 403, 500, 503])
async def test_the_lifetime_of_a_route_is_not_for_every_status(status: int) -> None:
    world = World(ttl="30s")
    world.origin.says(status)
    await world.get()

    assert not (await world.get()).is_hit


@pytest.mark.parametrize(
    "control", ["no-store", "max-age=60, no-store", "NO-STORE", "public, no-store, max-age=60"]
)
async def test_5_2_2_5_what_must_not_be_stored_is_not(control: str) -> None:
    assert not await World().is_kept(cache_control=control)


@pytest.mark.parametrize(
    "control", ["private", "private, max-age=60", "max-age=60, Private", "s-maxage=9, private"]
)
async def test_5_2_2_7_a_private_answer_is_not_kept(control: str) -> None:
    assert not await World(public=True).is_kept(cache_control=control)


async def test_5_2_2_7_of_an_answer_with_private_fields_these_are_not_kept() -> None:
    world = World()
    world.origin.says(
        cache_control='max-age=60, private="x-user, X-Cart"', x_user="reader", x_cart="3", x_all="1"
    )
    first, second = await world.get(), await world.get()

    assert {"x-user", "x-cart"} <= first.headers.keys()
    assert second.is_hit
    assert not {"x-user", "x-cart"} & second.headers.keys()
    assert second.headers["x-all"] == "1"


async def test_5_2_2_4_a_field_that_no_cache_names_is_not_given_again() -> None:
    world = World()
    world.origin.says(cache_control='max-age=60, no-cache="x-once"', x_once="1")
    await world.get()

    again = await world.get()
    assert again.is_hit
    assert "x-once" not in again.headers


@pytest.mark.parametrize("control", ["max-age=60", "public, max-age=60", "s-maxage=60"])
async def test_an_answer_that_sets_a_cookie_is_never_kept(control: str) -> None:
    assert not await World(public=True, ttl="1m").is_kept(cache_control=control, set_cookie="a=1")


@pytest.mark.parametrize(("status", "kept"), [(200, True), (404, True), (299, False), (499, False)])
async def test_5_2_2_3_must_understand_goes_before_no_store_for_a_status_that_is_understood(
    status: int, *, kept: bool
) -> None:
    world = World()
    world.origin.says(status, cache_control="must-understand, no-store, max-age=60")
    await world.get()

    assert (await world.get()).is_hit is kept


@pytest.mark.parametrize("fields", [{"authorization": "Bearer x"}, {"cookie": "a=1"}, {"identity": USER}])
@pytest.mark.parametrize(
    ("control", "kept"),
    [
        ("max-age=60", False),
        ("max-age=60, must-revalidate", False),
        ("max-age=60, public", True),
        ("s-maxage=60", True),
        ("public, private, max-age=60", False),
    ],
)
async def test_3_5_an_answer_to_a_call_with_credentials_is_kept_when_it_is_explicitly_public(
    fields: dict[str, Any], control: str, *, kept: bool
) -> None:
    world = World()
    world.origin.says(cache_control=control)
    await world.get(**fields)

    assert (await world.get()).is_hit is kept


@pytest.mark.parametrize("vary", ["authorization", "Cookie", "accept, x-internal-token"])
async def test_3_5_what_depends_on_credentials_is_kept_for_nobody_even_if_it_says_public(vary: str) -> None:
    world = World(public=True)
    world.origin.says(cache_control="public, max-age=60", vary=vary)
    await world.get(identity=USER)

    assert not (await world.get(identity=USER)).is_hit


async def test_3_5_what_was_kept_of_nobody_is_not_given_to_a_call_with_credentials_unless_it_is_public() -> (
    None
):
    world = World()
    assert await world.is_kept(cache_control="max-age=60")
    assert not (await world.get(identity=USER)).is_hit
    assert (await world.get()).is_hit

    world = World()
    assert await world.is_kept(cache_control="max-age=60, public")
    assert (await world.get(identity=USER)).is_hit


async def test_an_answer_to_a_user_that_says_nothing_is_not_kept_though_the_route_has_a_lifetime() -> None:
    world = World(ttl="1h")
    await world.get(path="account.css", identity=USER)

    assert not (await world.get(path="account.css")).is_hit
    assert not (await world.get(path="account.css", identity=USER)).is_hit


async def test_a_route_that_is_public_keeps_answers_to_users_for_everybody() -> None:
    world = World(ttl="1h", public=True)
    await world.get(identity=USER)

    assert (await world.get()).is_hit
    assert (await world.get(identity=USER)).is_hit


async def test_5_2_1_5_of_a_request_that_must_not_be_stored_nothing_is() -> None:
    world = World()
    world.origin.says(cache_control=FRESH)
    await world.get(cache_control="no-store")

    assert not (await world.get()).is_hit


async def test_3_1_fields_of_one_connection_or_one_call_are_not_kept() -> None:
    world = World()
    world.origin.says(
        cache_control=FRESH,
        connection="x-hop",
        x_hop="1",
        keep_alive="5",
        proxy_authenticate="Basic",
        x_request_id="1",
    )
    await world.get()

    again = await world.get()
    assert again.is_hit
    assert (
        not {"connection", "x-hop", "keep-alive", "proxy-authenticate", "x-request-id"} & again.headers.keys()
    )


@pytest.mark.parametrize(
    "fields", [{"range": "bytes=0-1"}, {"if_match": '"a"'}, {"if_unmodified_since": "x"}]
)
async def test_3_3_requests_for_parts_pass_by_the_cache_untouched(fields: dict[str, Any]) -> None:
    world = World()
    assert await world.is_kept(cache_control=FRESH)
    asked = world.asked
    world.origin.says(206, b"b", cache_control=FRESH)

    part = await world.get(**fields)
    assert (part.status, part.body, part.cache) == (206, b"b", "gateway; fwd=bypass")
    ((name, value),) = fields.items()
    assert (name.replace("_", "-").encode(), value.encode()) in world.origin.asked[asked].headers
    assert (await world.get()).body == b"a"


async def test_a_question_with_a_body_passes_by_the_cache() -> None:
    world = World()
    world.origin.says(cache_control=FRESH)
    await world.get(body=b"poison")

    assert not (await world.get()).is_hit


async def test_3_3_a_streamed_answer_is_kept_at_its_end_and_its_first_byte_does_not_wait() -> None:
    world = World()
    world.origin.answer = world.origin.always(lambda: streamed(b"a", b"b", cache_control=FRESH))
    answer = await world.handler(call())
    assert not isinstance(answer.body, bytes)
    assert await anext(answer.body) == b"a"
    assert not (await world.get()).is_hit
    async with answer:
        assert [chunk async for chunk in answer.body] == [b"b"]

    again = await world.get()
    assert (again.is_hit, again.body, again.headers["content-length"]) == (True, b"ab", "2")


async def test_3_3_an_answer_that_broke_off_is_not_kept() -> None:
    world = World()
    world.origin.answer = world.origin.always(
        lambda: streamed(b"a", failure=Nonsense("-"), cache_control=FRESH)
    )
    with pytest.raises(Nonsense):
        await world.get()

    with pytest.raises(Nonsense):
        await world.get()


@pytest.mark.parametrize("length", ["1", "3"])
async def test_3_3_an_answer_of_another_length_than_it_says_is_not_kept(length: str) -> None:
    world = World()
    world.origin.answer = world.origin.always(
        lambda: streamed(b"a", b"b", cache_control=FRESH, content_length=length)
    )
    await world.get()

    assert not (await world.get()).is_hit


async def test_an_answer_that_nobody_has_read_to_its_end_is_not_kept() -> None:
    world = World()
    world.origin.answer = world.origin.always(lambda: streamed(b"a", b"b", cache_control=FRESH))
    answer = await world.handler(call())
    async for _ in answer.chunks():
        break
    await answer.release()

    assert not (await world.get()).is_hit


@pytest.mark.parametrize(("size", "kept"), [(100, True), (101, False)])
async def test_an_answer_is_kept_up_to_the_routes_bound_whole_or_streamed(size: int, *, kept: bool) -> None:
    for answer in (
        lambda: reply(200, b"x" * size, cache_control=FRESH),
        lambda: streamed(b"x" * 60, b"x" * (size - 60), cache_control=FRESH),
        lambda: streamed(b"x" * size, cache_control=FRESH, content_length=str(size)),
    ):
        world = World(largest=100)
        world.origin.answer = world.origin.always(answer)
        assert (await world.get()).body == b"x" * size
        again = await read(await world.handler(call()))
        assert (again.is_hit, again.body) == (kept, b"x" * size)
