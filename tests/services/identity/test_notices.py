"""Logout notifications: retried until they are accepted, or too old."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from frontispiece.stores.sql import Database
from services.identity.protocol.backchannel_logout import GIVE_UP_AFTER, BackchannelLogoutOutbox
from services.identity.tables import metadata
from tests.services.identity.conftest import on_both_databases
from tests.services.identity.receiver import Receiver
from tests.support.clock import START, Clock
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
async def database(identity_url: str) -> AsyncIterator[Database]:
    async with Database(identity_url, metadata) as database:
        yield database


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as http:
        yield http


async def told(notices: BackchannelLogoutOutbox, database: Database, *ended: Ended) -> None:
    """Write notices."""
    async with database.write() as tx:
        await notices.add(tx, ended)  # type: ignore[arg-type]


@on_both_databases
async def test_a_notification_is_retried_with_backoff(database: Database, http: httpx.AsyncClient) -> None:
    receiver, clock = Receiver(), Clock(START)
    receiver.status = 503
    async with servers() as serve:
        notices = BackchannelLogoutOutbox(
            database, {"web": await serve(receiver)}, sign=signed, client=http, clock=clock
        )
        await told(notices, database, Ended("web", "s-1"))

        pauses = []
        for _ in range(3):
            pauses.append(await notices.deliver())
            clock.now += pauses[-1] - 0.01
            assert await notices.deliver() == pytest.approx(0.01, abs=1e-3)  # not before its time
            clock.now += 0.02
        assert pauses == pytest.approx([1, 2, 4], abs=1e-3)
        assert len(receiver.requests) == 3

        receiver.status = 200
        clock.now += 60
        await notices.deliver()
        clock.now += 60
        await notices.deliver()
    assert receiver.tokens == ["web/shopper/s-1"]


@pytest.mark.parametrize(("max_token_lifetime", "give_up_after"), [(300.0, GIVE_UP_AFTER), (3600.0, 3660.0)])
async def test_a_client_that_is_away_is_given_up_when_its_tokens_have_expired_with_a_warning(
    database: Database,
    http: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    max_token_lifetime: float,
    give_up_after: float,
) -> None:
    clock = Clock(START)
    notices = BackchannelLogoutOutbox(
        database,
        {"web": nobody_there()},
        sign=signed,
        client=http,
        clock=clock,
        max_token_lifetime=max_token_lifetime,
    )
    await told(notices, database, Ended("web", "s-1"))
    with caplog.at_level(logging.WARNING, "services.identity.protocol.backchannel_logout"):
        begun = clock.now
        while not caplog.records:
            await notices.deliver()
            clock.now += 50
            assert clock.now < begun + give_up_after + 100

    assert clock.now >= begun + give_up_after - 60
    assert "web was never notified of the end of s-1" in caplog.text
    caplog.clear()
    assert await notices.deliver() == 5
    assert not caplog.records


@on_both_databases
async def test_a_client_that_is_away_delays_no_other(database: Database, http: httpx.AsyncClient) -> None:
    receiver = Receiver()
    async with servers() as serve:
        addresses = {"web": nobody_there(), "mobile": await serve(receiver)}
        notices = BackchannelLogoutOutbox(database, addresses, sign=signed, client=http, clock=Clock(START))
        ended = [Ended(client, f"s-{n}") for n in range(30) for client in ("web", "mobile", "untold")]
        await told(notices, database, *ended)
        await notices.deliver()

    assert len(set(receiver.tokens)) == len(receiver.tokens) == 30


@on_both_databases
async def test_two_processes_send_a_notice_once_and_one_takes_over_from_another_that_died(
    database: Database, http: httpx.AsyncClient
) -> None:
    receiver, clock = Receiver(), Clock(START)
    async with servers() as serve:
        addresses = {"web": await serve(receiver)}
        first, second = (
            BackchannelLogoutOutbox(database, addresses, sign=signed, client=http, clock=clock)
            for _ in range(2)
        )
        await told(first, database, Ended("web", "s-1"))
        (claimed,) = await first._claim()  # noqa: SLF001 (where a process may die)
        await second.deliver()
        assert receiver.tokens == []

        clock.now += 15
        await second.deliver()
    assert receiver.tokens == [f"web/shopper/{claimed.sid}"]


async def test_a_notification_is_rolled_back(database: Database, http: httpx.AsyncClient) -> None:
    notices = BackchannelLogoutOutbox(
        database, {"web": nobody_there()}, sign=signed, client=http, clock=Clock(START)
    )
    with pytest.raises(RuntimeError, match="undone"):
        await undone(notices, database)

    assert await notices.deliver() == 5


async def undone(notices: BackchannelLogoutOutbox, database: Database) -> None:
    """Write a notice in a transaction that fails."""
    async with database.write() as tx:
        await notices.add(tx, [Ended("web", "s-1")])  # type: ignore[list-item]
        raise RuntimeError("undone")
