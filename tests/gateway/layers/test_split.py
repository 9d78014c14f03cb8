"""Who is led to which side of a split route."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import TypeAdapter

from gateway.call import Call
from gateway.layers.split import between, dispatched
from gateway.policies.split import Choice, Split
from gateway.upstream import Reply, Unreachable
from kit.problems import Problem
from kit.tokens import NOBODY, Identity
from tests.gateway.layers.calls import Answer, Handler, answering, call, raising


class Route:
    """A route that leads to `old`, and for some to other sides."""

    def __init__(self, *choices: dict[str, Any], **answers: Answer) -> None:
        split: tuple[Choice, ...] = TypeAdapter(Split).validate_python(choices)
        self.counted: Counter[str] = Counter()
        self.handlers: dict[str | None, Handler] = {None: Handler(answering(200))}
        self.handlers.update({name: Handler(answer) for name, answer in answers.items()})
        self._handle = between(split, "old", self._count)(dispatched({**self.handlers}))

    def _count(self, side: str) -> None:
        self.counted[side] += 1

    async def reply(self, one: Call) -> Reply:
        """The answer."""
        return await self._handle(one)

    async def side(self, one: Call) -> str:
        """Where the call is led."""
        await self.reply(one)
        return one.side or "old"


def user(name: str) -> Call:
    return call(identity=Identity(subject=name, scopes=frozenset()))


async def sides(route: Route, callers: Sequence[str]) -> dict[str, str]:
    return {name: await route.side(user(name)) for name in callers}


USERS = [f"user-{number}" for number in range(2000)]


async def test_each_side_gets_its_share_of_the_callers() -> None:
    route = Route(
        {"to": "new", "weight": 5}, {"to": "third", "weight": 20}, new=answering(), third=answering()
    )

    await sides(route, USERS)

    assert 60 <= route.counted["new"] <= 140
    assert 330 <= route.counted["third"] <= 470
    assert route.counted["old"] == 2000 - route.counted["new"] - route.counted["third"]
    assert len(route.handlers["new"].calls) == route.counted["new"]


async def test_a_caller_stays_on_one_side_on_every_route_and_when_a_weight_grows() -> None:
    small = await sides(Route({"to": "new", "weight": 10}, new=answering()), USERS)
    by_header = {"to": "third", "when": {"header": "x-third", "is": "1"}}
    again = await sides(Route(by_header, {"to": "new", "weight": 10}, new=answering()), USERS)
    grown = await sides(Route({"to": "new", "weight": 30}, new=answering()), USERS)

    assert small == again
    there = {name for name, side in small.items() if side == "new"}
    assert there < {name for name, side in grown.items() if side == "new"}


async def test_splits_between_other_services_have_other_callers() -> None:
    one = await sides(Route({"to": "new", "weight": 50}, new=answering()), USERS)
    other = await sides(Route({"to": "other", "weight": 50}, other=answering()), USERS)

    both = sum(one[name] == "new" and other[name] == "other" for name in USERS)
    assert 400 <= both <= 600


async def test_all_may_be_led_to_the_other_side() -> None:
    route = Route({"to": "new", "weight": 100}, new=answering())

    assert set((await sides(route, USERS)).values()) == {"new"}


async def test_guests_are_told_apart_by_their_session_and_others_by_their_address() -> None:
    route = Route({"to": "new", "weight": 50}, new=answering())

    guests = {await route.side(user(f"guest:{number}")) for number in range(50)}
    assert guests == {"new", "old"}
    for identity in (None, NOBODY):
        peers = [f"192.0.2.{number}" for number in range(50)]
        first = [await route.side(call(peer=peer, identity=identity)) for peer in peers]
        assert set(first) == {"new", "old"}
        assert first == [await route.side(call(peer=peer)) for peer in peers]


async def test_addresses_of_one_ipv6_network_are_one_caller() -> None:
    route = Route({"to": "new", "weight": 50}, new=answering())
    for network in range(20):
        peers = [f"2001:db8:0:{network:x}::{host:x}" for host in range(1, 20)]
        assert len({await route.side(call(peer=peer)) for peer in peers}) == 1


async def test_a_header_leads_there_whatever_the_weights() -> None:
    when = {"header": "X-Canary", "is": "1"}
    route = Route(
        {"to": "third", "weight": 100}, {"to": "new", "when": when}, new=answering(), third=answering()
    )

    assert await route.side(call(headers=[(b"x-canary", b"1")])) == "new"
    for headers in ([(b"x-canary", b"2")], [(b"x-canary", b"")], []):
        assert await route.side(call(headers=headers)) == "third"


async def test_caches_are_told_of_the_headers_on_every_side() -> None:
    route = Route({"to": "new", "when": {"header": "x-canary", "is": "1"}}, new=answering())
    for headers in ([(b"x-canary", b"1")], []):
        assert (await route.reply(call(headers=headers))).header(b"vary") == b"x-canary"

    weighed = Route({"to": "new", "weight": 100}, new=answering())
    assert (await weighed.reply(call())).header(b"vary") is None


async def test_an_answer_names_its_service_only_when_the_table_says_so() -> None:
    told = Route({"to": "new", "weight": 100, "told": True}, new=answering(200, (b"x-served-by", b"pod-7")))
    reply = await told.reply(call())
    assert [value for name, value in reply.headers if name == b"x-served-by"] == [b"new"]

    untold = Route({"to": "new", "weight": 100}, new=answering())
    assert (await untold.reply(call())).header(b"x-served-by") is None


async def test_a_failure_of_the_other_side_is_told_as_that() -> None:
    route = Route({"to": "new", "weight": 100}, new=raising(Unreachable("there is no connection")))

    with pytest.raises(Problem, match="new: there is no connection") as failure:
        await route.reply(call())

    assert (failure.value.status, failure.value.kind) == (503, "upstream-unavailable")
