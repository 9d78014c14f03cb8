"""`front orders`: what an operator asks of orders, and does for them."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from frontispiece.shards import bucket_for
from services.ordering.cli import app, shards_app
from services.ordering.domain_events import Reserved, Step, Stuck, encode
from services.ordering.order import Place
from services.ordering.read_store import ReadStore
from services.ordering.store import Orders
from services.ordering.tables import event_store, fence, outbox
from tests.services.ordering.orders import ORDER_ID, PLACED, opened
from tests.services.ordering.reading import COMPLETED, order_id
from tests.support.absence import file_away
from tests.support.commands import printed
from tests.support.shop import ROOT, front

STUCK = [*COMPLETED[:11], Stuck(step=Step.CAPTURE, reason="payment is silent")]


class Operator:
    """Somebody at a terminal, and the databases of ordering."""

    def __init__(self, folder: Path) -> None:
        self.url, self.read_url = f"sqlite:///{folder}/ordering.db", f"sqlite:///{folder}/ordering_read.db"
        self.environment = {
            "ORDERING_SHARDS": json.dumps(
                {"0": {"database_url": self.url, "read_database_url": self.read_url}}
            ),
            "COLUMNS": "500",
        }

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env=self.environment)

    def create(self) -> None:
        """Make the databases, without an order."""
        self.change(lambda _: asyncio.sleep(0))

    def change(self, work: Callable[[Orders], Awaitable[object]]) -> None:
        async def changed() -> None:
            async with opened(self.url) as orders:
                await work(orders)

        asyncio.run(changed())

    def append(self, *events: object, version: int = 0) -> None:
        async def append(orders: Orders) -> None:
            async with orders.database.write() as tx:
                await event_store.append(tx, ORDER_ID, version, events)  # type: ignore[arg-type]

        self.change(append)

    def fill(self, orders: int) -> int:
        """A log of completed orders, written at once; returns the number of its events."""
        rows = [
            {
                "position": number * len(COMPLETED) + version,
                "order_id": order_id(number),
                "version": version,
                "type": event.NAME,
                "schema_version": event.SCHEMA,
                "data": encode(event),
                "recorded_at": datetime(2026, 5, 1, tzinfo=UTC),
                "bucket": 0,
            }
            for number in range(orders)
            for version, event in enumerate(COMPLETED, 1)
        ]

        async def insert(opened: Orders) -> None:
            async with opened.database.write() as tx:
                await tx.execute(event_store.events.insert(), rows)

        self.change(insert)
        return len(rows)


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def test_the_history_of_an_order_has_every_event_and_nothing_secret(operator: Operator) -> None:
    operator.change(lambda orders: orders.execute(ORDER_ID, Place(placed=PLACED)))
    operator.append(Reserved(), version=2)
    shown = operator.run("history", ORDER_ID)

    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()  # one an event, however narrow the terminal is
    assert [line.split()[2] for line in lines] == ["placed", "step-started", "reserved"]
    assert lines[1].endswith("step=reserve, attempt=1")
    assert "tok_1" not in shown.output
    assert PLACED.digest not in lines[0]


def test_what_customers_and_services_wrote_is_shown_as_it_is(operator: Operator) -> None:
    assert PLACED.delivery is not None
    address = replace(PLACED.delivery.address, name="[/red] [bold]", street="\x1b[2J")
    placed = replace(PLACED, delivery=replace(PLACED.delivery, address=address))
    operator.change(lambda orders: orders.execute(ORDER_ID, Place(placed=placed)))
    operator.append(Stuck(step=Step.RESERVE, reason="[/] \x1b[2J"), version=2)
    operator.run("rebuild")

    for command, text in ((["history", ORDER_ID], "[/red] [bold]"), (["stuck"], "reserve: [/] \ufffd[2J")):
        shown = operator.run(*command)
        assert shown.exit_code == 0, shown.output
        assert text in shown.output
        assert "\x1b" not in shown.output


def test_an_order_that_is_not_there_is_named(operator: Operator) -> None:
    operator.create()
    for command in ("history", "retry"):
        shown = operator.run(command, ORDER_ID)
        assert (shown.exit_code, printed(shown)) == (1, f"There is no order {ORDER_ID}.\n")


def test_a_stuck_order_is_listed_with_its_reason_and_its_command_is_sent_again(operator: Operator) -> None:
    operator.create()
    assert operator.run("stuck").output == "No order is stuck.\n"
    operator.append(*STUCK)
    operator.run("rebuild")
    listed = operator.run("stuck").output
    assert ORDER_ID in listed
    assert "capture: payment is silent" in listed

    retried = operator.run("retry", ORDER_ID)
    assert retried.output == f"The commands of order {ORDER_ID} are sent again: capture.\n"
    sent: list[str] = []

    async def read(orders: Orders) -> None:
        async with orders.database.read() as tx:
            sent.extend(message.broker_subject for message in await outbox.messages(tx, 10))

    operator.change(read)
    assert sent == ["shop.commands.payment.capture"]
    again = operator.run("retry", ORDER_ID)
    assert (again.exit_code, printed(again)) == (1, f"Order {ORDER_ID} is not stuck.\n")


def test_an_order_that_is_just_moving_is_not_retried(operator: Operator) -> None:
    operator.append(*STUCK)

    async def fence_it(orders: Orders) -> None:
        async with orders.database.write() as tx:
            await fence.fence(tx, [bucket_for(PLACED.owner)], 2, 60)

    operator.change(fence_it)

    retried = operator.run("retry", ORDER_ID)

    assert (retried.exit_code, "is just moving to another database" in printed(retried)) == (1, True)


def test_totals_are_those_of_the_last_days(operator: Operator) -> None:
    operator.append(*COMPLETED)
    operator.run("rebuild")
    (line,) = [line for line in operator.run("totals").output.splitlines() if "EUR" in line]

    assert [cell.strip() for cell in line.split("│")[1:-1]] == [
        datetime.now(UTC).date().isoformat(), "1", "1", "1", "0", "10.90 EUR"
    ]  # fmt: skip


def test_the_newest_orders_are_listed_of_all_or_of_one_customer(operator: Operator) -> None:
    operator.append(*COMPLETED)
    operator.run("rebuild")

    (line,) = [line for line in operator.run("list").output.splitlines() if ORDER_ID in line]
    cells = [cell.strip() for cell in line.split("│")[1:-1]]
    assert (cells[1], *cells[3:]) == (PLACED.owner, "completed", "", "2", "10.90 EUR")
    assert ORDER_ID in operator.run("list", "--owner", PLACED.owner).output
    assert ORDER_ID not in operator.run("list", "--owner", "another").output


def test_a_shard_that_is_away_is_named_and_the_orders_of_the_others_are_shown(
    operator: Operator, tmp_path: Path
) -> None:
    operator.append(*STUCK)
    operator.run("rebuild")
    away = f"sqlite:///{tmp_path}/1.db"
    shards = json.loads(operator.environment["ORDERING_SHARDS"])
    shards["1"] = {"database_url": away, "read_database_url": f"sqlite:///{tmp_path}/1_read.db"}
    operator.environment["ORDERING_SHARDS"] = json.dumps(shards)

    for command, shown in (("list", ORDER_ID), ("stuck", ORDER_ID), ("totals", "EUR"), ("rebuild", "")):
        result = operator.run(command)
        assert (result.exit_code, shown in printed(result)) == (1, True), printed(result)
        assert f"Shard 1 is away: There is no {tmp_path}/1.db." in printed(result)
    for command in ("history", "retry"):
        assert operator.run(command, ORDER_ID).exit_code == 0
        assert f"Shard 1 is away: There is no {tmp_path}/1.db." in printed(operator.run(command, "1"))
    with file_away(shards["0"]["read_database_url"]):
        assert "Shard 0 is away: The database is unavailable." in printed(operator.run("list"))


def test_a_rebuild_that_is_killed_is_resumed_by_the_next_one(operator: Operator) -> None:
    events = operator.fill(orders=2500)
    environment = {**os.environ, **operator.environment, "DATABASE_MIGRATE": "true"}
    killed = subprocess.Popen(
        front("orders", "rebuild"), cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    assert killed.stdout.readline() == "5000 events\n"
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    killed.stdout.close()

    shown = operator.run("rebuild")
    assert shown.exit_code == 0, shown.output
    assert " of a rebuild that had ended in " in shown.output
    assert (
        operator.run("rebuild")
        .output.splitlines()[-1]
        .startswith(f"The read model of shard 0 is rebuilt from {events} events in ")
    )

    async def orders() -> int:
        async with ReadStore(operator.read_url) as store:
            return sum(total.completed for total in await store.totals("2026-05-01"))

    assert asyncio.run(orders()) == 2500


@pytest.mark.parametrize("arguments", [["history"], ["retry"], ["list", "--owner"]])
def test_an_argument_that_is_no_utf_8_is_an_error(operator: Operator, arguments: list[str]) -> None:
    operator.create()
    shown = operator.run(*arguments, os.fsdecode(b"\xff"))

    assert (shown.exit_code, "It is no UTF-8" in shown.output) == (2, True)


def test_a_bug_is_no_error_of_the_user(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(*_args: object) -> None:
        raise TimeoutError

    operator.create()
    monkeypatch.setattr(ReadStore, "stuck", late)

    assert isinstance(operator.run("stuck").exception, TimeoutError)


def test_missing_settings_are_named(operator: Operator) -> None:
    operator.environment["ORDERING_SHARDS"] = json.dumps({"0": {"database_url": "sqlite:///x.db"}})
    shown = operator.run("stuck")

    assert shown.exit_code == 1
    assert "READ_DATABASE_URL" in printed(shown)


def test_where_nothing_has_run_no_database_is_created(operator: Operator, tmp_path: Path) -> None:
    for commands, arguments in ((app, ["list"]), (shards_app, [])):
        shown = CliRunner().invoke(commands, arguments, env=operator.environment)
        assert shown.exit_code == 1
        assert f"There is no {tmp_path}/ordering.db: front up makes it" in printed(shown)
    assert list(tmp_path.iterdir()) == []
