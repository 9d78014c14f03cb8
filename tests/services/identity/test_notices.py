"""Logout notices: kept until they have arrived, or nobody can need them any more."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from kit.db import Database
from services.identity.notices import GIVEN_UP_AFTER, Notices
from services.identity.tables import metadata
from tests.services.identity.receiver import Receiver
from tests.services.identity.world import Clock
from tests.support.serving import nobody_there, servers


class Ended:
    """A grant that has ended."""

    def __init__(self, client_id: str, sid: str) -> None:
        self.client_id = client_id
        self.user_id = "shopper"
        self.sid = sid


async def signed(notice: sa.Row[Any]) -> str:
    """What is sent in the place of a token."""
    return f"{notice.client_id}/{notice.user_id}/{notice.sid}"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, metadata) as database:
        yield database


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as http:
        yield http


async def told(notices: Notices, database: Database, *ended: Ended) -> None:
    """Write notices."""
    async with database.write() as tx:
        await notices.add(tx, ended)  # type: ignore[arg-type]


async def test_a_notice_is_sent_again_with_growing_pauses_until_it_is_taken(
    database: Database, http: httpx.AsyncClient
) -> None:
    receiver, clock = Receiver(), Clock()
    receiver.status = 503
    async with servers() as serve:
        notices = Notices(database, {"web": await serve(receiver)}, sign=signed, client=http, clock=clock)
        await told(notices, database, Ended("web", "s-1"))

        pauses = []
        for _ in range(3):
            pauses.append(await notices.deliver())
            clock.time += pauses[-1] - 0.01
            assert await notices.deliver() == pytest.approx(0.01, abs=1e-3)  # not before its time
            clock.time += 0.02
        assert pauses == pytest.approx([1, 2, 4], abs=1e-3)
        assert receiver.tries == 3

        receiver.status = 200
        clock.time += 60
        await notices.deliver()
        clock.time += 60
        await notices.deliver()
    assert receiver.tokens == ["web/shopper/s-1"]


async def test_a_client_that_is_away_is_given_up_after_ten_minutes_with_a_warning(
    database: Database, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    notices = Notices(database, {"web": nobody_there()}, sign=signed, client=http, clock=clock)
    await told(notices, database, Ended("web", "s-1"))
    with caplog.at_level(logging.WARNING, "services.identity.notices"):
        begun = clock.time
        while not caplog.records:
            await notices.deliver()
            clock.time += 20
            assert clock.time < begun + GIVEN_UP_AFTER + 100

    assert clock.time >= begun + GIVEN_UP_AFTER - 60
    assert "web was never told of the end of s-1" in caplog.text
    caplog.clear()
    assert await notices.deliver() == 5
    assert not caplog.records


async def test_one_client_that_is_away_keeps_no_other_from_being_told(
    database: Database, http: httpx.AsyncClient
) -> None:
    receiver = Receiver()
    async with servers() as serve:
        addresses = {"web": nobody_there(), "mobile": await serve(receiver)}
        notices = Notices(database, addresses, sign=signed, client=http, clock=Clock())
        ended = [Ended(client, f"s-{n}") for n in range(30) for client in ("web", "mobile", "untold")]
        await told(notices, database, *ended)
        await notices.deliver()

    assert len(set(receiver.tokens)) == len(receiver.tokens) == 30


async def test_two_processes_send_a_notice_once_and_one_takes_over_from_another_that_died(
    database: Database, http: httpx.AsyncClient
) -> None:
    receiver, clock = Receiver(), Clock()
    async with servers() as serve:
        addresses = {"web": await serve(receiver)}
        first, second = (
            Notices(database, addresses, sign=signed, client=http, clock=clock) for _ in range(2)
        )
        await told(first, database, Ended("web", "s-1"))
        (claimed,) = await first._claim()  # noqa: SLF001 (where a process may die)
        await second.deliver()
        assert receiver.tokens == []

        clock.time += 15
        await second.deliver()
    assert receiver.tokens == [f"web/shopper/{claimed.sid}"]


async def test_a_notice_is_undone_with_the_change_that_it_tells_of(
    database: Database, http: httpx.AsyncClient
) -> None:
    notices = Notices(database, {"web": nobody_there()}, sign=signed, client=http, clock=Clock())
    with pytest.raises(RuntimeError, match="undone"):
        await undone(notices, database)

    assert await notices.deliver() == 5


async def undone(notices: Notices, database: Database) -> None:
    """Write a notice in a transaction that fails."""
    async with database.write() as tx:
        await notices.add(tx, [Ended("web", "s-1")])  # type: ignore[list-item]
        raise RuntimeError("undone")
