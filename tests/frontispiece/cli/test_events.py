"""`front events`: what goes through the broker of a running project."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from frontispiece.cli.client.broker import read
from frontispiece.cli.run.nats import running_nats
from frontispiece.events import EventData, EventSettings
from frontispiece.events.broker import Connection, connected
from frontispiece.events.envelope import encode
from frontispiece.events.parking import park
from frontispiece.events.streams import declare_durable, declare_streams, durables
from tests.support.events import event
from tests.support.front import run
from tests.support.shop import ROOT, front


class Added(EventData, frozen=True, kw_only=True):
    TYPE = "things.store.added"

    thing: str


class Lost(EventData, frozen=True, kw_only=True):
    TYPE = "things.cellar.lost"

    thing: str


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with events, and nothing else."""
    (tmp_path / "frontispiece.toml").write_text('[environment]\nEVENTS_PREFIX = "things"\n')
    return tmp_path


@pytest.fixture
async def broker(project: Path) -> AsyncIterator[Connection]:
    """The broker that `front up` would run for it, with a consumer `one` of `Added`."""
    with running_nats(project / ".data" / "nats") as addresses:
        settings = EventSettings(url=addresses.url, prefix="things")
        async with connected(addresses.url, "test") as connection:
            await declare_streams(connection.streams, settings)
            (durable,) = durables("things", "one", [Added])
            await declare_durable(connection.streams, durable, ack_wait=30)
            yield connection


async def publish(broker: Connection, data: EventData, subject: str = "7") -> None:
    await broker.streams.publish(data.TYPE, encode(event(data, subject=subject)))


async def park_one(broker: Connection, reason: str) -> None:
    subscription = await broker.streams.pull_subscribe_bind("one", "THINGS_EVENTS")
    (message,) = await subscription.fetch(1, timeout=10)
    await park(broker.streams, "things", message, reason)


async def events(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`front events …`, run to its end."""
    return await asyncio.to_thread(run, "events", *arguments, "--project", project, **environment)


async def tailed(
    project: Path, broker: Connection, *options: str, lines: int, **environment: str
) -> list[str]:
    """What `front events tail` prints of three events."""
    process = await asyncio.create_subprocess_exec(
        *front("events", "tail", "--project", project, *options),
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            assert b"Events from now" in await process.stderr.readline()
            await publish(broker, Added(thing="a"), "7")
            await publish(broker, Lost(thing="b"), "7")
            await publish(broker, Lost(thing="\x1b[2J"), "8")
            printed = [(await process.stdout.readline()).decode() for _ in range(lines)]
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return printed


async def test_tail_shows_what_is_published(project: Path, broker: Connection) -> None:
    first, _, third = await tailed(project, broker, lines=3)

    assert first.split()[1:] == ["store", "things.store.added", "7", '{"thing":"a"}']
    assert "\x1b" not in third


@pytest.mark.parametrize("body", [b"no JSON", b'{"thing": "a"}', b"[1]"])
def test_what_is_no_cloud_event_is_shown_as_it_came(body: bytes) -> None:
    assert read("things.store.added", body).content == repr(body)


async def test_tail_shows_each_service_in_its_colour(project: Path, broker: Connection) -> None:
    printed = await tailed(project, broker, lines=3, FORCE_COLOR="1", TERM="xterm")

    store, cellar, again = (line.partition("m")[0] for line in printed)
    assert store.startswith("\x1b[")
    assert store != cellar == again


@pytest.mark.parametrize(
    ("options", "things"),
    [
        (("--type", "things.store.added"), ["a"]),
        (("--type", "lost", "--subject", "7"), ["b"]),
    ],
)
async def test_tail_shows_one_type_or_one_aggregate(
    project: Path, broker: Connection, options: tuple[str, ...], things: list[str]
) -> None:
    printed = await tailed(project, broker, *options, lines=len(things))

    assert [thing in line for thing, line in zip(things, printed, strict=True)] == [True] * len(things)


async def test_parked_messages_are_listed_replayed_and_dropped(project: Path, broker: Connection) -> None:
    for reason in ("no [red]thing[/]", "another"):
        await publish(broker, Added(thing="a"))
        await park_one(broker, reason)

    listed = (await events(project, "parked")).stdout
    replayed = await events(project, "replay", "1")
    dropped = await events(project, "drop", "2")
    afterwards = await events(project, "parked")

    for cell in ("one", "things.store.added", "7", "no [red]thing[/]", "another"):
        assert cell in listed
    assert "1: things.store.added is delivered to one again" in replayed.stdout
    assert "2: things.store.added for one is removed" in dropped.stdout
    assert "No message is parked" in afterwards.stdout
    assert (await broker.streams.consumer_info("THINGS_EVENTS", "one")).num_pending == 1


async def test_all_parked_messages_are_replayed_at_once(project: Path, broker: Connection) -> None:
    for _ in range(2):
        await publish(broker, Added(thing="a"))
        await park_one(broker, "no")

    replayed = await events(project, "replay", "--all")

    assert replayed.stdout.count("is delivered to one again") == 2
    assert (await broker.streams.consumer_info("THINGS_EVENTS", "one")).num_pending == 2


@pytest.mark.parametrize("arguments", [(), ("1", "--all")])
async def test_what_is_replayed_is_named_or_all(project: Path, arguments: tuple[str, ...]) -> None:
    done = await events(project, "replay", *arguments)

    assert (done.returncode, "Name parked messages by their ids" in done.stderr) == (1, True)


@pytest.mark.parametrize(("command", "number"), [("drop", "-1"), ("replay", str(2**64))])
def test_what_is_no_number_of_a_message_is_an_error(project: Path, command: str, number: str) -> None:
    done = run("events", command, "--project", project, "--", number)

    assert (done.returncode, "Invalid value for 'ID...'" in done.stderr) == (2, True)


async def test_lag_shows_what_each_service_has_still_to_handle(project: Path, broker: Connection) -> None:
    for _ in range(3):
        await publish(broker, Added(thing="a"))
    subscription = await broker.streams.pull_subscribe_bind("one", "THINGS_EVENTS")
    await subscription.fetch(1, timeout=10)

    (row,) = [line for line in (await events(project, "lag")).stdout.splitlines() if "THINGS_EVENTS" in line]

    assert [cell.strip() for cell in row.strip("│ ").split("│")] == ["one", "THINGS_EVENTS", "2", "1", "0"]


@pytest.mark.parametrize("command", [("replay", "7"), ("drop", "7")])
async def test_a_message_that_is_not_parked_is_an_error(
    project: Path, broker: Connection, command: tuple[str, ...]
) -> None:
    done = await events(project, *command)

    assert (done.returncode, done.stderr) == (1, "there is no parked message 7\n")


async def test_without_a_running_project_the_error_says_so(project: Path) -> None:
    done = await events(project, "lag")
    away = await events(project, "lag", EVENTS_URL="nats://127.0.0.1:1")

    assert (done.returncode, away.returncode) == (1, 1)
    assert "No broker runs on" in done.stderr
    assert "name --data or EVENTS_URL" in done.stderr
    assert "The broker cannot be reached" in away.stderr
    assert "Traceback" not in away.stderr


async def test_a_project_without_events_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "frontispiece.toml").write_text("")

    done = await events(tmp_path, "parked")

    assert done.returncode == 1
    assert "The project has no events" in done.stderr
