"""Mails are in a real maildir, pushes in a log file; nothing is there in part or twice."""

import errno
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.notification.senders import MailSender, PushSender
from tests.services.notification.world import MESSAGE, read
from tests.support.clock import Calendar


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "mail"


@pytest.fixture
async def mails(folder: Path, clock: Calendar) -> AsyncIterator[MailSender]:
    async with MailSender(folder, clock) as sender:
        yield sender


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "data" / "pushes.jsonl"


@pytest.fixture
async def pushes(log: Path, clock: Calendar) -> AsyncIterator[PushSender]:
    async with PushSender(log, clock) as sender:
        yield sender


def test_a_mail_is_read_by_a_mail_program(mails: MailSender, folder: Path) -> None:
    mails.send(replace(MESSAGE, title="Bestätigt", text="Die Summe beträgt 44,25 €."))

    (mail,) = read(folder)
    assert mail["To"] == "reader@customers.invalid"
    assert mail["Subject"] == "Bestätigt"
    assert mail["Date"].datetime.year == 2030
    assert mail.get_content() == "Die Summe beträgt 44,25 €.\n"


def test_a_second_delivery_of_a_mail_does_nothing(mails: MailSender, folder: Path) -> None:
    for _ in range(2):
        mails.send(MESSAGE)
    mails.send(replace(MESSAGE, key="another"))

    found = read(folder)
    assert len(found) == 2
    assert len({mail["Message-ID"] for mail in found}) == 2
    assert not list((folder / "tmp").iterdir())


def test_a_mail_that_cannot_be_written_leaves_nothing(
    mails: MailSender, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            mails.send(MESSAGE)
    assert [path for path in folder.rglob("*") if path.is_file()] == []

    mails.send(MESSAGE)
    assert len(read(folder)) == 1


@pytest.mark.parametrize("owner", ["a reader", "rea\r\nder", "größe", "a@b", "<script>", "x" * 200])
def test_whatever_an_owner_is_called_the_mail_has_one_recipient_that_leads_nowhere(
    mails: MailSender, folder: Path, owner: str
) -> None:
    mails.send(replace(MESSAGE, owner=owner))

    (mail,) = read(folder)
    (recipient,) = mail["To"].addresses
    assert recipient.domain == "customers.invalid"


def test_a_push_is_one_line_of_the_log(pushes: PushSender, log: Path) -> None:
    for key in ("one", "two"):
        pushes.send(replace(MESSAGE, key=key, text="Two\nlines"))

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["key"], line["to"], line["text"]) for line in lines] == [
        ("one", "reader", "Two\nlines"),
        ("two", "reader", "Two\nlines"),
    ]


def test_a_push_that_cannot_be_written_as_a_whole_leaves_nothing(
    pushes: PushSender, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushes.send(MESSAGE)
    before = log.read_bytes()
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:5]))
        with pytest.raises(OSError, match="only 5 of"):
            pushes.send(MESSAGE)

    assert log.read_bytes() == before
