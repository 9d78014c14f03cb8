"""Several limits on one route, and keys: what one gateway counts."""

from collections.abc import Mapping

from gateway.call import Call, Handler
from gateway.layers.limit import SECOND
from gateway.layers.limits import limited
from gateway.policies import Limit
from gateway.upstream import Reply
from kit.problems import Problem


class Clock:
    """Shows the time that a test says, in nanoseconds."""

    def __init__(self) -> None:
        self.now = 7_654_321_987_654_321

    def __call__(self) -> int:
        return self.now


async def passing(_call: Call) -> Reply:
    """Answer 200."""
    return Reply.whole(200, b"", [])


def handler(clock: Clock, *limits: Mapping[str, object]) -> Handler:
    return limited([Limit.model_validate(limit) for limit in limits], "GET /a", clock=clock)(passing)


def call(peer: str = "192.0.2.7", **headers: str) -> Call:
    return Call(
        params={},
        method="GET",
        query=b"",
        headers=[(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        body=b"",
        request_id=b"7",
        scheme="http",
        peer=peer,
    )


async def told_by(handler: Handler, one: Call) -> tuple[str, str, str | None]:
    """The two fields of the answer, and when to come again."""
    retry = None
    try:
        await handler(one)
    except Problem as problem:
        retry = problem.headers["Retry-After"]
    told = {name.decode(): value.decode() for name, value in one.told}
    return told["ratelimit-policy"], told["ratelimit"], retry


KEY = {"rate": "2/minute", "by": "key", "header": "X-API-Key"}
ADDRESS = {"rate": "3/hour", "by": "address"}


async def test_a_call_passes_when_each_limit_has_room_and_the_answers_tell_of_all() -> None:
    clock = Clock()
    both = handler(clock, KEY, ADDRESS)
    policy = '"key";q=2;w=60, "address";q=3;w=3600'

    assert await told_by(both, call(x_api_key="a")) == (policy, '"key";r=1;t=30, "address";r=2;t=1200', None)
    assert await told_by(both, call(x_api_key="a")) == (policy, '"key";r=0;t=30, "address";r=1;t=1200', None)
    assert await told_by(both, call(x_api_key="a")) == (policy, '"key";r=0;t=30, "address";r=1;t=1200', "30")
    assert await told_by(both, call(x_api_key="b")) == (policy, '"key";r=1;t=30, "address";r=0;t=1200', None)
    assert await told_by(both, call(x_api_key="c")) == (
        policy,
        '"key";r=2;t=30, "address";r=0;t=1200',
        "1200",
    )
    assert (await told_by(both, call("192.0.2.8", x_api_key="c")))[2] is None, "the refusal took nothing"


async def test_whoever_sends_a_refused_call_comes_back_when_the_slower_limit_has_room() -> None:
    clock = Clock()
    both = handler(clock, {"rate": "1/minute", "by": "route"}, {"rate": "1/hour", "by": "route"})

    assert await told_by(both, call()) == (
        '"route";q=1;w=60, "route-2";q=1;w=3600',
        '"route";r=0;t=60, "route-2";r=0;t=3600',
        None,
    )
    assert (await told_by(both, call()))[2] == "3600"
    clock.now += 3600 * SECOND
    assert (await told_by(both, call()))[2] is None


async def test_calls_without_a_key_are_told_apart_by_address_and_no_address_can_be_claimed_as_a_key() -> None:
    only = handler(Clock(), KEY)

    for one in (call(), call(x_api_key="192.0.2.7"), call("192.0.2.8")):
        assert (await told_by(only, one))[1] == '"key";r=1;t=30'
    assert (await told_by(only, call()))[1] == '"key";r=0;t=30'
