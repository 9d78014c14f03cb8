"""Which instances get calls: by zone, by weight, and as they come and go."""

from collections import Counter

import pytest

from frontispiece.registry import Instance
from frontispiece.upstream import Reply, Request, Unreachable
from frontispiece.upstream.load_balancer import CONSECUTIVE_FAILURES, LoadBalancer
from tests.frontispiece.upstream.fakes import GET, Chance, Fake, ask, streaming
from tests.support.calls import raising
from tests.support.clock import Clock


class Fakes:
    """A balancer of instances that a test names: `await fakes.update("a1", "b1")`, in the zones a and b."""

    def __init__(self, own: str = "a") -> None:
        self.made: dict[str, Fake] = {}
        self.balancer = LoadBalancer({}, health=None, connect=self._connect, random=Chance(), clock=Clock())
        self._own = own

    def _connect(self, address: str) -> Fake:
        return self.made.setdefault(address, Fake())

    async def update(self, *names: str, **weights: float) -> None:
        """Have these instances, with other weights than 1 for some."""
        await self.balancer.update(
            [
                Instance(address=name, priority=int(name[0] != self._own), weight=weights.get(name, 1.0))
                for name in names
            ]
        )

    async def eject(self, *names: str) -> None:
        """Let instances fail until they are ejected."""
        for name in names:
            self.made[name].answer = raising(Unreachable("no connection could be made"))
        while not all(each["ejected"] for each in self.balancer.state()["addresses"] if each["url"] in names):
            await ask(self.balancer)
        self.counted()

    async def shares(self, calls: int = 1000) -> dict[str, float]:
        """The share of these calls that each instance got."""
        self.counted()
        for _ in range(calls):
            await ask(self.balancer)
        return {name: count / calls for name, count in self.counted().items()}

    def counted(self) -> Counter[str]:
        """The calls that each instance got since this was asked last."""
        counted = Counter({name: len(fake.requests) for name, fake in self.made.items() if fake.requests})
        for fake in self.made.values():
            fake.requests.clear()
        return counted


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


async def test_calls_stay_in_the_callers_zone_while_it_is_well(fakes: Fakes) -> None:
    await fakes.update("a1", "a2", "a3", "a4", "b1", "b2")
    assert (await fakes.shares()).keys() == {"a1", "a2", "a3", "a4"}

    await fakes.eject("a1")
    assert (await fakes.shares()).keys() == {"a2", "a3", "a4"}, "three quarters bear all"


async def test_calls_spill_over_as_the_zone_falls_ill_and_all_leave_one_that_is_down(fakes: Fakes) -> None:
    await fakes.update("a1", "a2", "b1", "b2")
    await fakes.eject("a1")

    shares = await fakes.shares()

    assert 0.6 < shares["a2"] < 0.8, "Envoy's rule: 1.4 times the half that is available"
    assert shares["b1"] + shares["b2"] == pytest.approx(1 - shares["a2"])
    await fakes.eject("a2")
    assert (await fakes.shares()).keys() == {"b1", "b2"}


async def test_where_no_instance_is_in_the_callers_zone_others_serve() -> None:
    fakes = Fakes(own="c")
    await fakes.update("a1", "b1")

    assert (await fakes.shares()).keys() == {"a1", "b1"}


async def test_calls_are_shared_in_proportion_to_weights(fakes: Fakes) -> None:
    await fakes.update("a1", "a2", "a3", a1=8.0, a3=1.0)

    shares = await fakes.shares(4000)

    assert shares == {
        "a1": pytest.approx(0.8, abs=0.03),
        "a2": pytest.approx(0.1, abs=0.03),
        "a3": pytest.approx(0.1, abs=0.03),
    }


async def test_a_new_instance_has_its_share_at_once(fakes: Fakes) -> None:
    await fakes.update("a1", "a2")
    await fakes.update("a1", "a2", "a3")

    assert (await fakes.shares())["a3"] == pytest.approx(1 / 3, abs=0.05)


async def test_an_instance_that_is_gone_finishes_what_it_has_and_is_closed_then(fakes: Fakes) -> None:
    async with fakes.balancer:
        await fakes.update("a1")
        gone = fakes.made["a1"]
        gone.answer = streaming
        running: Reply = await fakes.balancer.send(GET)

        await fakes.update("a2")

        assert (await fakes.shares(10)).keys() == {"a2"}
        assert gone.open
        assert await running.read(10) == b"said"
        await running.release()
        await fakes.balancer.update([])
    assert not gone.open
    assert not fakes.made["a2"].open


async def test_what_an_instance_that_is_gone_still_has_ends_with_the_balancer(fakes: Fakes) -> None:
    async with fakes.balancer:
        await fakes.update("a1")
        fakes.made["a1"].answer = streaming
        await fakes.balancer.send(GET)
        await fakes.update("a2")
        assert fakes.made["a1"].open

    assert not fakes.made["a1"].open


async def test_an_instance_that_stays_keeps_its_connections_and_its_failures(fakes: Fakes) -> None:
    await fakes.update("a1", "a2")
    await fakes.eject("a1")
    before = fakes.made["a1"]

    await fakes.update("a1", "a2", "a3")

    assert fakes.made["a1"] is before
    assert (await fakes.shares()).keys() == {"a2", "a3"}


async def test_a_service_without_a_known_instance_is_unreachable(fakes: Fakes) -> None:
    with pytest.raises(Unreachable, match="no instance of it is known"):
        await fakes.balancer.send(GET)


async def test_the_only_instance_that_cannot_be_reached_is_tried_once(fakes: Fakes) -> None:
    await fakes.update("a1")
    fakes.made["a1"].answer = raising(Unreachable("no connection could be made"))

    for _ in range(CONSECUTIVE_FAILURES + 1):
        with pytest.raises(Unreachable):
            await fakes.balancer.send(Request(method="GET", target="/a"))
    assert len(fakes.made["a1"].requests) == CONSECUTIVE_FAILURES + 1


async def test_an_instance_whose_address_is_none_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    balancer, good = LoadBalancer({}, health=None), "http://127.0.0.1:8000"

    await balancer.update([Instance(address=name) for name in ("http://:8000", "http://a:port", good)])

    assert [*balancer.addresses] == [good]
    assert "'http://:8000' is no address" in caplog.text
