"""The folder that the embedded shop keeps everything in."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InUse(Exception):
    """Another run has the folder."""


@contextmanager
def locked(data: Path) -> Iterator[int]:
    """Have the folder for oneself; gives the lock's file descriptor, which children may keep open too.

    Raises:
        InUse: another run, or a child that it left behind, has the folder.
    """
    data.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"{data} is in use by another run: stop that one, or choose another folder") from None
        yield descriptor
    finally:
        os.close(descriptor)
