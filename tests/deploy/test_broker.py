"""The broker of compose.yaml: its configuration, and what each service may do there."""

import asyncio
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec
import pytest
from nats.errors import TimeoutError as NoAnswer

from frontispiece.cli.run.nats import server_binary
from frontispiece.events import CommandData, EventData, EventSettings, Messaging, Reject, open_key_value
from frontispiece.events.broker import Connection, connected
from frontispiece.events.envelope import broker_subject, encode
from frontispiece.events.parking import parked_messages
from frontispiece.events.streams import declare_streams
from frontispiece.registry import Instance, open_registry
from frontispiece.shards.router import BUCKET, map_key
from tests.frontispiece.events.conftest import Handled
from tests.support.events import event
from tests.support.shop import ROOT
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="deploy/secrets.sh needs openssl")


class Settings(Protocol):
    """Gives the settings of a service, or of a role's user `to` the registry."""

    def __call__(self, user: str, *, to: str = "events") -> EventSettings: ...


CHANNELS: Final = json.loads((ROOT / "contracts/events.json").read_text(encoding="utf-8"))["channels"]
COMMANDS: Final = sorted(each["address"] for each in CHANNELS.values() if ".commands." in each["address"])


class Captured(EventData, frozen=True, kw_only=True):
    TYPE = "shop.payment.captured"


class Create(CommandData, frozen=True, kw_only=True):
    TYPE = "shop.shipping.create"


@pytest.fixture
def settings(made: Path, tmp_path: Path) -> Iterator[Settings]:
    """`settings("payment")`: those of a service, at a server with the configuration of production."""
    deployed = (*(ROOT / "deploy/nats").glob("*.conf"), made / "nats_users")
    for file in deployed:
        place = "etc/nats" if file.suffix else "run/secrets"
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, tmp_path / place)
    config = tmp_path / "etc/nats/nats.conf"
    text = re.sub(r"store_dir: \S+", f"store_dir: {tmp_path}", config.read_text())
    text = re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:-1", text)
    config.write_text(f"{text}\nports_file_dir: {tmp_path}\n")
    with subprocess.Popen([server_binary(), "--config", config], stderr=subprocess.DEVNULL) as server:
        try:
            ports = _ports(tmp_path)

            def of(user: str, *, to: str = "events") -> EventSettings:
                told = urlsplit((made / f"{user}_{to}_url").read_text().strip())
                assert (told.hostname, told.port) == ("nats", 4222)
                return EventSettings(
                    url=f"nats://{told.username}:{told.password}@{urlsplit(ports['nats'][0]).netloc}",
                    monitor_url=ports["monitoring"][0],
                    prefix="shop",
                    durability="strict",
                )

            yield of
        finally:
            server.terminate()


@pytest.fixture
def services(made: Path) -> list[str]:
    """Those with a user at the broker."""
    return sorted(
        {file.name.removesuffix("_events_url") for file in made.glob("*_events_url")} - {"operator"}
    )


def _ports(folder: Path) -> dict[str, list[str]]:
    """The addresses that the server writes down once it listens."""
    deadline = time.monotonic() + 60
    while not (text := b"".join(file.read_bytes() for file in folder.glob("*.ports"))):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return msgspec.json.decode(text, type=dict[str, list[str]])


async def create_streams(settings: Settings) -> None:
    """As ordering does, which alone may."""
    async with connected(settings("ordering").url, "ordering") as ordering:
        await declare_streams(ordering.streams, settings("ordering"))


async def publish(connection: Connection, data: EventData) -> None:
    await connection.streams.publish(broker_subject(type(data)), encode(event(data, subject="1")), timeout=30)


async def test_services_publish_command_consume_and_park_there(settings: Settings) -> None:
    """In strict mode, too: the server syncs before it acknowledges."""
    captured, created = Handled(), Handled(Reject("no"))

    async with (
        Messaging(settings("notification"), service="notification", handlers={Captured: captured}),
        Messaging(settings("shipping"), service="shipping", handlers={Create: created}),
        connected(settings("payment").url, "payment") as payment,
        connected(settings("ordering").url, "ordering") as ordering,
    ):
        await create_streams(settings)
        async with asyncio.timeout(60):
            while True:
                try:
                    await publish(payment, Captured())
                    await publish(ordering, Create())
                    break
                except Exception:  # noqa: BLE001 (the services find the streams just now)
                    await asyncio.sleep(0.01)
        await captured.next()
        await created.next()
        async with connected(settings("operator").url, "front") as operator, asyncio.timeout(60):
            while not [parked async for parked in parked_messages(operator.streams, "shop")]:
                pass


async def test_ordering_publishes_and_follows_its_map_of_shards_which_an_operator_changes(
    settings: Settings,
) -> None:
    async with (
        open_key_value(settings("ordering"), BUCKET, client="ordering") as ordering,
        open_key_value(settings("operator"), BUCKET, client="front") as operator,
        aclosing(ordering.watch(map_key("ordering"))) as entries,
        asyncio.timeout(60),
    ):
        await ordering.create(map_key("ordering"), b"1")
        assert (await anext(entries)).value == b"1"
        await operator.put(map_key("ordering"), b"2")
        assert (await anext(entries)).value == b"2"
        assert await ordering.get(map_key("ordering")) is not None


async def test_a_role_registers_itself_for_all_to_see_and_cannot_register_as_another(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def instance(service: str, port: int) -> Instance:
        return Instance(service=service, address=f"http://127.0.0.1:{port}")

    async with (
        open_registry(settings("gateway", to="registry").url) as gateway,
        open_registry(settings("reviews", to="registry").url) as reviews,
        open_registry(settings("discount", to="registry").url) as discount,
    ):
        reviews.enter(instance("payment", 1))  # as whoever has broken into it would
        gateway.enter(instance("payment", 2))
        await until(lambda: caplog.text.count("permissions violation for publish") >= 2)
        own = [instance("reviews", 3), instance("discount", 4), instance("discount-grpc", 5)]
        reviews.enter(own[0])
        discount.enter(own[1])
        discount.enter(own[2])

        await until(lambda: {*gateway.instances} == {*reviews.instances} == {*own})

        made = {
            "name": "KV_registry_instances",
            "republish": {"src": ">", "dest": "$KV.registry_instances.>"},
        }
        for url, name in (
            (settings("reviews", to="registry").url, "registry"),
            (settings("payment").url, "payment"),
        ):
            async with connected(url, name) as intruder:
                for operation in ("CREATE", "UPDATE"):
                    subject = f"$JS.API.STREAM.{operation}.KV_registry_instances"
                    with pytest.raises(NoAnswer):
                        await intruder.client.request(subject, json.dumps(made).encode(), 0.5)


async def test_a_service_cannot_publish_nor_command_for_another_nor_read_or_delete_what_is_not_its_own(
    services: list[str], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Any of them, beside any other."""
    async with (
        Messaging(settings("shipping"), service="shipping", handlers={Create: Handled()}),
        connected(settings("operator").url, "front") as operator,
        AsyncExitStack() as stack,
    ):
        await create_streams(settings)
        connections = [
            await stack.enter_async_context(connected(settings(each).url, each)) for each in services
        ]
        answers = await asyncio.gather(
            *(
                connection.client.request(subject, timeout=0.5)
                for service, connection, other in zip(
                    services, connections, [*services[1:], services[0]], strict=True
                )
                for subject in [*belongings_of(other), *foreign_commands(service), *streams_beyond(service)]
            ),
            return_exceptions=True,
        )
        assert {type(answer) for answer in answers} == {NoAnswer}
        eavesdropping = [await each.client.subscribe("shop.>") for each in connections]
        await publish(operator, Captured())
        overheard = (subscription.next_msg(timeout=0.5) for subscription in eavesdropping)
        found = await asyncio.gather(*overheard, return_exceptions=True)
        assert {type(message) for message in found} == {NoAnswer}

    assert caplog.text.count("permissions violation for publish to") >= len(answers)


def foreign_commands(service: str) -> list[str]:
    """The subjects of commands that a service does not send."""
    sends = {"ordering": ("inventory", "payment", "shipping"), "notification": ("notification",)}
    return [command for command in COMMANDS if command.split(".")[2] not in sends.get(service, ())]


def streams_beyond(service: str) -> list[str]:
    """The changes of streams that a service may not make: those of events are ordering's alone."""
    return [
        f"$JS.API.STREAM.{operation}.{stream}"
        for operation in ("CREATE", "UPDATE")
        for stream in ("KV_registry_instances", "ANY", *(() if service == "ordering" else ("SHOP_EVENTS",)))
    ]


def belongings_of(service: str) -> tuple[str, ...]:
    """Subjects that only this service, or none, may use."""
    return (
        f"shop.{service}.done",
        f"shop.parked.{service}.done",
        "$JS.API.STREAM.DELETE.SHOP_EVENTS",
        "$JS.API.STREAM.MSG.GET.SHOP_EVENTS",
        f"$JS.API.CONSUMER.DELETE.SHOP_COMMANDS.{service}",
        f"$JS.API.CONSUMER.MSG.NEXT.SHOP_EVENTS.{service}",
        f"$JS.API.CONSUMER.DURABLE.CREATE.SHOP_COMMANDS.{service}",
    )
