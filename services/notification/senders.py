"""How messages leave: mails into a maildir, pushes into a log file. Both stand in for a provider."""

import fcntl
import os
from collections.abc import Callable
from datetime import UTC, datetime
from email.charset import Charset
from email.mime.text import MIMEText
from email.utils import format_datetime
from mailbox import Maildir
from pathlib import Path
from typing import Final, Protocol, Self
from uuid import uuid4

import msgspec

from services.notification.model import Message

SENDER: Final = "The shop <orders@shop.invalid>"

UTF_8: Final = Charset("utf-8")
setattr(UTF_8, "body_encoding", None)  # noqa: B010 (neither base64 nor quoted-printable; typeshed: an int)


class Sender(Protocol):
    """Sends messages by one channel."""

    def send(self, message: Message) -> None:
        """Send a message; blocks.

        Raises:
            OSError: it was not sent.
        """


class MailSender:
    """Delivers mails into a maildir: written in `tmp`, and linked into `new` as a whole.

    The file's name follows from the message's key, so that a second delivery finds the first one there.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._folder = folder
        self._now = now

    async def __aenter__(self) -> Self:
        """Make the maildir."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("tmp", "new", "cur"):
            (self._folder / name).mkdir(mode=0o700, exist_ok=True)
        Maildir(self._folder).clean()  # deletes what was left in `tmp` days ago
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Do nothing: no file stays open."""

    def send(self, message: Message) -> None:
        """Deliver a mail, unless it is there and unread already."""
        written = self._folder / "tmp" / f"{message.digest}.{uuid4().hex}"
        try:
            with written.open("xb") as file:
                file.write(self._mail(message).as_bytes())
                file.flush()
                os.fsync(file.fileno())
            os.link(written, self._folder / "new" / message.digest)
            _sync_folder(self._folder / "new")
        except FileExistsError:
            return  # by an earlier delivery
        finally:
            written.unlink(missing_ok=True)

    def _mail(self, message: Message) -> MIMEText:
        """The mail; `EmailMessage` would parse each header that is set, which takes ten times as long."""
        mail = MIMEText(f"{message.text}\n", _charset=UTF_8)  # type: ignore[arg-type]  # typeshed lacks Charset
        mail["From"] = SENDER
        mail["To"] = message.address
        mail["Subject"] = message.title
        mail["Date"] = format_datetime(self._now())
        mail["Message-ID"] = f"<{message.digest}@shop.invalid>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice answers it
        return mail


class PushSender:
    """Appends pushes to a log file, one JSON object a line."""

    def __init__(self, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._now = now

    async def __aenter__(self) -> Self:
        """Make the log."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.close(self._open())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Do nothing: no file stays open."""

    def send(self, message: Message) -> None:
        """Append a push as a whole, or nothing of it."""
        push = {
            "at": self._now(),
            "key": message.key,
            "to": message.owner,
            "title": message.title,
            "text": message.text,
        }
        line = msgspec.json.encode(push) + b"\n"
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # other copies of the service append, too
            size = os.fstat(descriptor).st_size
            try:
                _write(descriptor, line)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _write(descriptor: int, line: bytes) -> None:
    if (written := os.write(descriptor, line)) < len(line):
        raise OSError(f"only {written} of {len(line)} bytes were written")
    os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    """A file's new name outlives a power failure only then."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
