"""Instances that register themselves, and callers that find them, over a real NATS server."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from frontispiece.errors import ConfigError
from frontispiece.events import EventSettings, open_key_value
from frontispiece.registry import Instance, Registry, open_registry, registered
from frontispiece.registry import registry as module
from frontispiece.server.sockets import bound
from frontispiece.settings import Directory, RegistrySettings
from frontispiece.upstream import Request, Unreachable, Upstream, UpstreamError, open_upstream
from tests.frontispiece.events.conftest import Broker
from tests.frontispiece.registry.conftest import Instances, instances_at
from tests.support.serving import client_of, servers
from tests.support.stub import Stub, answering
from tests.support.tables import route, route_table
from tests.support.waiting import TIMEOUT, until
from tests.support.world import gateway_of

GET = Request(method="GET", target="/a")


def caller(url: str, *, version: str = "", zone: str = "", static: str = "") -> Upstream:
    """A caller of the service `things`."""
    services = {"things": static} if static else {}
    directory = Directory(services=services, registry=RegistrySettings(url=url, zone=zone))
    return open_upstream("things", f"registry://things{version}", directory)


def other_process(url: str) -> str:
    """The same broker as a process of its own would have it: with a connection of its own."""
    return url.replace("127.0.0.1", "localhost")


@asynccontextmanager
async def known(upstream: Upstream, *there: str) -> AsyncIterator[Upstream]:
    """A caller once it knows these instances."""
    async with upstream:
        await until(lambda: set(upstream.addresses) == set(there))
        yield upstream


async def called(upstream: Upstream, calls: int = 60) -> Counter[str]:
    """How many of these calls each instance has answered."""
    got: Counter[str] = Counter()
    for _ in range(calls):
        async with await upstream.send(GET) as reply:
            got[(await reply.read(1000)).decode()] += 1
    return got


@dataclass(kw_only=True)
class Load:
    """Calls that are made without a pause, a few at a time."""

    answered: Counter[str] = field(default_factory=Counter)
    failed: list[UpstreamError] = field(default_factory=list)

    async def next(self, calls: int) -> Counter[str]:
        """How many of the next calls each instance answers."""
        before = self.answered.copy()
        await until(lambda: (self.answered - before).total() >= calls)
        return self.answered - before


@asynccontextmanager
async def load(upstream: Upstream) -> AsyncIterator[Load]:
    made = Load()

    async def call() -> None:
        while True:
            try:
                made.answered += await called(upstream, 1)
            except UpstreamError as error:
                made.failed.append(error)
                await asyncio.sleep(0)

    calls = [asyncio.create_task(call()) for _ in range(4)]
    try:
        yield made
    finally:
        for each in calls:
            each.cancel()
        await asyncio.wait(calls)


async def test_an_instance_gets_calls_once_it_serves_and_none_fails_when_it_stops(
    instances: Instances,
) -> None:
    first = await instances.start()
    async with known(caller(instances.url), first) as upstream, load(upstream) as made:
        second = await instances.start()
        share = (await made.next(1000))[second] / 1000
        assert 0.4 < share < 0.6, "from the moment at which it is registered"

        await instances.stop(first)

        assert (await made.next(50)).keys() == {second}
        assert not made.failed
        assert list(upstream.addresses) == [second]


async def test_all_callers_see_the_same_and_hear_of_an_instance_that_crashes_whatever_else_is_there(
    instances: Instances,
) -> None:
    url = other_process(instances.url)
    there = {await instances.start(), await instances.start()}
    crashed = Instance(service="things", address="http://127.0.0.1:1")
    settings = EventSettings(url=instances.url, prefix="registry")
    async with (
        caller(instances.url) as one,
        caller(url) as other,
        open_key_value(settings, module.BUCKET, ttl=module.TTL) as bucket,
    ):
        await bucket.put("things.odd", b'{"address":"\xff"}')
        await bucket.put("things.crashed", msgspec.json.encode(crashed))
        await until(lambda: set(one.addresses) == set(other.addresses) == {*there, crashed.address})
        assert (await called(one)).keys() == there, "what cannot be reached is not noticed"

        await until(lambda: set(one.addresses) == set(other.addresses) == there)


async def test_while_the_registry_is_away_all_goes_on_with_the_instances_that_were_known_last(
    broker: Broker,
) -> None:
    url = broker.settings.url
    there_url = other_process(url)
    async with (
        instances_at(url) as instances,
        instances_at(there_url) as others,
        caller(url) as upstream,
        caller(there_url) as other,
    ):
        there = {await instances.start(), await instances.start(), await others.start()}
        await until(lambda: set(upstream.addresses) == set(other.addresses) == there)

        await broker.kill()
        lasts = asyncio.get_running_loop().time() + 2 * module.TTL
        while asyncio.get_running_loop().time() < lasts:
            assert (await called(upstream)).keys() == (await called(other)).keys() == there
            await asyncio.sleep(module.HEARTBEAT)
        late = await instances.start()

        await broker.start()
        await until(lambda: late in upstream.addresses and late in other.addresses)
        assert set(upstream.addresses) == set(other.addresses) == {*there, late}
        async with open_registry(url) as registry:
            await heard_of_all(registry)
        assert set(upstream.addresses) == {*there, late}, (
            "none was taken for crashed when the registry was back"
        )


async def heard_of_all(registry: Registry) -> None:
    """Return when so much time has passed that whoever was not heard of would be gone."""
    last = [*registry.seen.values()]
    await until(lambda: min(registry.seen.values()) > max(last) + module.TTL)


async def test_a_caller_prefers_its_zone(instances: Instances) -> None:
    near, far = await instances.start(zone="a"), await instances.start(zone="b")
    async with caller(instances.url, zone="a") as upstream:
        await until(lambda: set(upstream.addresses) == {near, far})
        assert (await called(upstream)).keys() == {near}

        await instances.stop(near)

        assert (await called(upstream)).keys() == {far}


async def test_a_version_is_called_by_its_name_and_others_serve_where_there_is_none(
    instances: Instances,
) -> None:
    old, new = await instances.start(version="1"), await instances.start(version="2", weight=0)
    async with AsyncExitStack() as stack:
        anyone, second, third = [
            await stack.enter_async_context(caller(instances.url, version=version))
            for version in ("", "@2", "@3")
        ]
        await until(lambda: list(second.addresses) == [new])

        assert (await called(second)).keys() == {new}
        assert (await called(anyone)).keys() == (await called(third)).keys() == {old}

        await instances.stop(new)
        assert (await called(second)).keys() == {old}


async def test_a_split_sends_callers_to_a_version_of_the_service(instances: Instances) -> None:
    old, new = await instances.start(version="1"), await instances.start(version="2", weight=0)
    canary = {"to": "things@2", "when": {"header": "x-canary", "equals": "yes"}, "served_by_header": True}
    routes = route_table(route("/things", split=[canary]), services={"things": "registry://things"})
    gateway = gateway_of(routes, {}, registry=RegistrySettings(url=instances.url))
    async with servers() as serve, client_of(await serve(gateway)) as http:
        await until(lambda: set(gateway.snapshot.upstreams["things@2"].addresses) == {new})
        canaries = [await http.get("/things", headers={"X-Canary": "yes"}) for _ in range(5)]
        others = [await http.get("/things") for _ in range(5)]

    assert {(each.text, each.headers["x-served-by"]) for each in canaries} == {(new, "things@2")}
    assert {each.text for each in others} == {old}


async def test_without_a_registered_instance_the_static_addresses_serve(instances: Instances) -> None:
    async with servers() as serve:
        static = await serve(Stub(answering(200, b"static")))
        async with caller(instances.url, static=static) as upstream:
            assert (await called(upstream)).keys() == {"static"}

            first = await instances.start()
            await until(lambda: list(upstream.addresses) == [first])
            assert (await called(upstream)).keys() == {first}

            await instances.stop(first)
            assert (await called(upstream)).keys() == {"static"}


async def test_a_service_is_unreachable_until_an_instance_is_registered(
    instances: Instances,
) -> None:
    async with caller(instances.url) as upstream:
        with pytest.raises(Unreachable, match="no instance of it is known"):
            await upstream.send(GET)

        first = await instances.start()

        async with asyncio.timeout(TIMEOUT):
            await until(lambda: list(upstream.addresses) == [first])
        assert (await called(upstream)).keys() == {first}


async def test_an_instance_says_where_it_is_reached(instances: Instances) -> None:
    """One that listens on all addresses names the one towards the registry, unless it is told another."""
    settings = RegistrySettings(url=instances.url)
    async with open_registry(instances.url) as registry:
        with bound(host="0.0.0.0") as sock:  # noqa: S104 (what is tested)
            async with registered(settings, "everywhere", sock):
                async for (found,) in each_known(registry, "everywhere"):
                    assert found.address == f"http://127.0.0.1:{sock.getsockname()[1]}"
                    break
            named = RegistrySettings(url=instances.url, address="http://things.test:80")
            async with registered(named, "named", sock):
                async for (found,) in each_known(registry, "named"):
                    assert found.address == "http://things.test:80"
                    break


async def each_known(registry: Registry, service: str) -> AsyncIterator[list[Instance]]:
    """The instances of a service, once there are any."""
    async for found in registry.watch(service):
        if found:
            yield found


@pytest.mark.parametrize("url", ["nats://no-such-host.invalid:4222", "127.0.0.1:1"])
async def test_an_app_starts_without_the_way_to_the_registry(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with bound(host="0.0.0.0") as sock:  # noqa: S104 (what is tested)
        async with registered(RegistrySettings(url=url), "everywhere", sock):
            by_name = f"this app is registered as {socket.gethostname()}:"
            assert (by_name in caplog.text) == ("invalid" in url)


async def test_an_app_on_a_unix_socket_has_to_say_where_it_is_reached(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(f"{tmp_path}/s")
        with pytest.raises(ConfigError, match="REGISTRY_ADDRESS is missing"):
            await registered(RegistrySettings(url="nats://127.0.0.1:1"), "unix", sock).__aenter__()
