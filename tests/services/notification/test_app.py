"""From a command to ship an order to the customer's mailbox, over a real broker."""

import json
from pathlib import Path
from typing import Any

import pytest

from frontispiece.events import Event, EventSettings
from frontispiece.events.broker import connected
from frontispiece.events.envelope import broker_subject, encode
from frontispiece.settings import TokenSettings
from services.notification.app import NotificationSettings
from services.notification.app import create_app as notification
from services.shipping.app import ShippingSettings
from services.shipping.app import create_app as shipping
from services.shipping.model import tracking_code
from tests.conftest import AppClient
from tests.services.notification.world import confirmed, read
from tests.services.shipping.world import ORDER, create
from tests.support.events import NO_BROKER, new_streams
from tests.support.waiting import until


def database(folder: Path, name: str) -> str:
    return f"sqlite:///{folder}/{name}.db"


async def test_a_customer_gets_a_mail_and_a_push_when_an_order_is_confirmed_and_when_it_is_dispatched(
    tmp_path: Path, event_settings: EventSettings, token_settings: TokenSettings, app_client: AppClient
) -> None:
    ships = ShippingSettings(
        database_url=database(tmp_path, "shipping"),
        dispatch_delay=0,
        tracking_interval=0.02,
        events=event_settings,
        tokens=token_settings,
    )
    writes = NotificationSettings(
        database_url=database(tmp_path, "notification"),
        maildir=tmp_path / "mail",
        push_log=tmp_path / "pushes.jsonl",
        events=event_settings,
        tokens=token_settings,
    )
    messages: list[Event[Any]] = [confirmed(ORDER), create()] * 2  # the broker delivers at least once

    async with app_client(shipping(ships)), app_client(notification(writes)):
        async with connected(event_settings.url, "test") as connection:
            await new_streams(connection, event_settings)
            for message in messages:
                await connection.streams.publish(broker_subject(type(message.data)), encode(message))
        await until(lambda: len(pushes(tmp_path)) == 2 and len(read(writes.maildir)) == 2)

    confirmation, dispatch = sorted(mail.get_content() for mail in read(writes.maildir))
    assert ORDER in confirmation
    assert "€44.25" in confirmation
    assert tracking_code(ORDER) in dispatch
    assert [json.loads(push)["to"] for push in pushes(tmp_path)] == ["reader", "reader"]


def pushes(folder: Path) -> list[str]:
    return (folder / "pushes.jsonl").read_text().splitlines()


@pytest.mark.parametrize("setting", ["maildir", "push_log"])
async def test_a_maildir_or_a_log_that_cannot_be_made_is_an_error_at_the_start(
    tmp_path: Path, token_settings: TokenSettings, app_client: AppClient, setting: str
) -> None:
    (tmp_path / "taken").touch()
    places = {"maildir": tmp_path / "mail", "push_log": tmp_path / "pushes.jsonl"}
    writes = NotificationSettings(
        database_url=database(tmp_path, "notification"),
        events=NO_BROKER,
        tokens=token_settings,
        **{**places, setting: tmp_path / "taken" / "there"},  # type: ignore[arg-type]
    )

    with pytest.raises(OSError, match="taken"):
        async with app_client(notification(writes)):
            pass
