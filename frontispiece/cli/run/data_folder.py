"""The data folder of a run: locked while it runs, and where commands find its addresses."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import Final

import msgspec

from frontispiece.errors import ConfigError, UserError

LOCK: Final = "lock"
"""The file that a run locks."""

LOGS: Final = "logs"
"""The folder of programs' output."""

SPACE: Final = 1 << 20
"""Bytes that must be free in the folder at the start."""

FILE: Final = "run.json"
"""The file of `RunAddresses`, while the project runs."""


class RunAddresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run serves.

    Args:
        admin: `host:port` of its admin port; None without one.
    """

    url: str
    admin: str | None


@contextmanager
def locked(data: Path) -> Iterator[int]:
    """Lock a data folder, made when missing; gives the lock's descriptor, which children may inherit.

    Raises:
        ConfigError: the folder cannot be made or written, or has no space.
        UserError: another run, or a child that it left behind, holds the lock.
    """
    try:
        (data / LOGS).mkdir(parents=True, exist_ok=True)
        _check_space(data / "space")
        descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise ConfigError(
            [f"{data} cannot be the data folder: {error.strerror}{where}: name another by --data"]
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{data} is in use by another run: stop that one, or choose another folder"
            ) from None
        (data / FILE).unlink(missing_ok=True)  # of a run that has crashed
        yield descriptor
    finally:
        os.close(descriptor)


def is_in_use(data: Path) -> bool:
    """Whether a run has this data folder."""
    try:
        with (data / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is no such folder
        return False
    return False


@contextmanager
def announced(data: Path, addresses: RunAddresses) -> Iterator[None]:
    """The addresses of the run that has locked a data folder, in a file there for this block."""
    file = data / FILE
    write_whole(file, addresses)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def write_whole(file: Path, content: object) -> None:
    """Write JSON that only this user can read; a reader finds the file as it was, or as it is now.

    Raises:
        ConfigError: the folder has no space, or is read-only.
    """
    try:
        descriptor, draft = mkstemp(dir=file.parent)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(msgspec.json.encode(content))
            Path(draft).rename(file)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError([f"{file} cannot be written: {error.strerror}"]) from None


def run_addresses(data: Path) -> RunAddresses | None:
    """The addresses of the run that has a data folder; None when none has it.

    Raises:
        ConfigError: that run has crashed; another program may have its ports now.
    """
    try:
        addresses = msgspec.json.decode((data / FILE).read_bytes(), type=RunAddresses)
    except (FileNotFoundError, UnicodeDecodeError, msgspec.MsgspecError):
        return None
    if not is_in_use(data):
        raise ConfigError([f"{data}: the run that had it has crashed, and nothing runs now: start it again"])
    return addresses


def _check_space(file: Path) -> None:
    """Write a file and remove it: a disk without space would end one program after the other."""
    try:
        file.write_bytes(bytes(SPACE))
    finally:
        file.unlink(missing_ok=True)
