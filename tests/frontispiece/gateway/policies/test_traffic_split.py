"""Which callers a split route sends to which variant."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from frontispiece.gateway.call import Call
from frontispiece.gateway.policies.traffic_split import Split, Variant, split_layer
from frontispiece.security import ANONYMOUS, Identity
from frontispiece.upstream import Reply
from tests.support.calls import Answer, Handler, answering, call


class Route:
    """A route to `old`, with other variants for some callers."""

    def __init__(self, *choices: dict[str, Any], **answers: Answer) -> None:
        split: tuple[Variant, ...] = TypeAdapter(Split).validate_python(choices)
        self.counted: Counter[str] = Counter()
        self.handlers: dict[str | None, Handler] = {None: Handler(answering(200))}
        self.handlers.update({name: Handler(answer) for name, answer in answers.items()})
        self._handle = split_layer(split, "old", self._count)(self._forward)

    async def _forward(self, one: Call) -> Reply:
        return await self.handlers[one.variant](one)

    def _count(self, variant: str) -> None:
        self.counted[variant] += 1

    async def reply(self, one: Call) -> Reply:
        """The answer."""
        return await self._handle(one)

    async def variant(self, one: Call) -> str:
        """The variant that gets the call."""
        await self.reply(one)
        return one.variant or "old"


def user(name: str) -> Call:
    return call(identity=Identity(subject=name, scopes=frozenset()))


async def variants(route: Route, callers: Sequence[str]) -> dict[str, str]:
    return {name: await route.variant(user(name)) for name in callers}


USERS = [f"user-{number}" for number in range(2000)]


async def test_each_variant_gets_its_weight_of_the_callers() -> None:
    route = Route(
        {"to": "new", "weight": 5}, {"to": "third", "weight": 20}, new=answering(), third=answering()
    )

    await variants(route, USERS)

    assert 60 <= route.counted["new"] <= 140
    assert 330 <= route.counted["third"] <= 470
    assert route.counted["old"] == 2000 - route.counted["new"] - route.counted["third"]
    assert len(route.handlers["new"].calls) == route.counted["new"]


async def test_a_caller_stays_with_a_variant_on_every_route_and_when_a_weight_grows() -> None:
    small = await variants(Route({"to": "new", "weight": 10}, new=answering()), USERS)
    by_header = {"to": "third", "when": {"header": "x-third", "equals": "1"}}
    again = await variants(Route(by_header, {"to": "new", "weight": 10}, new=answering()), USERS)
    grown = await variants(Route({"to": "new", "weight": 30}, new=answering()), USERS)

    assert small == again
    there = {name for name, variant in small.items() if variant == "new"}
    assert there < {name for name, variant in grown.items() if variant == "new"}


async def test_splits_between_other_services_have_other_callers() -> None:
    one = await variants(Route({"to": "new", "weight": 50}, new=answering()), USERS)
    other = await variants(Route({"to": "other", "weight": 50}, other=answering()), USERS)

    both = sum(one[name] == "new" and other[name] == "other" for name in USERS)
    assert 400 <= both <= 600


async def test_guests_are_distinguished_by_session_and_others_by_address() -> None:
    route = Route({"to": "new", "weight": 50}, new=answering())

    guests = {await route.variant(user(f"guest:{number}")) for number in range(50)}
    assert guests == {"new", "old"}
    for identity in (None, ANONYMOUS):
        peers = [f"192.0.2.{number}" for number in range(50)]
        first = [await route.variant(call(client_ip=peer, identity=identity)) for peer in peers]
        assert set(first) == {"new", "old"}
        assert first == [await route.variant(call(client_ip=peer)) for peer in peers]


async def test_vary_names_the_headers_on_every_variant() -> None:
    route = Route({"to": "new", "when": {"header": "x-canary", "equals": "1"}}, new=answering())
    for headers in ([(b"x-canary", b"1")], []):
        assert (await route.reply(call(headers=headers))).header(b"vary") == b"x-canary"

    weighed = Route({"to": "new", "weight": 100}, new=answering())
    assert (await weighed.reply(call())).header(b"vary") is None
