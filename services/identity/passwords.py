"""Passwords, hashed with argon2id in threads of their own: a few at a time, and not many waiting.

OWASP Password Storage Cheat Sheet: argon2id. A hash takes a fifth of a second and 64 MiB on purpose, so
whoever could have any number made at the same time could take the service's time and memory.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from services.identity.errors import TooBusy
from services.identity.model import new_secret

AT_ONCE: Final = 2
WAITING: Final = 20
"""How many more may wait for their turn."""

Result = TypeVar("Result")


class Passwords:
    """Hashes passwords and compares them; used with `async with`.

    Args:
        memory_kib: KiB of memory that a hash takes.
        passes: how often it goes over that memory.
    """

    def __init__(self, *, memory_kib: int, passes: int) -> None:
        self._hasher = PasswordHash([Argon2Hasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)])
        self._nobodys = ""
        self._running = 0

    async def __aenter__(self) -> Self:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._nobodys = await self.hash(new_secret())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """The hash of a password, with a new salt.

        Raises:
            TooBusy: too many are waiting.
        """
        return await self._in_turn(lambda: self._hasher.hash(password))

    async def verify(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
        """Whether this is the password; and its hash anew, when the cost of hashes has changed since.

        Without a hash, of somebody whom nobody knows, it is not, which takes just as long to find.

        Raises:
            TooBusy: too many are waiting.
        """
        against = password_hash if password_hash is not None else self._nobodys
        matches, anew = await self._in_turn(lambda: self._hasher.verify_and_update(password, against))
        return (matches, anew) if password_hash is not None else (False, None)

    async def _in_turn(self, work: Callable[[], Result]) -> Result:
        if self._running >= AT_ONCE + WAITING:
            raise TooBusy
        self._running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._running -= 1
