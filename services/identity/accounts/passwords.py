"""Passwords: hashing with argon2id (OWASP Password Storage Cheat Sheet), and authentication by them.

A hash takes a fifth of a second and 64 MiB on purpose: with any number at a time, anybody could exhaust the
service.
"""

import asyncio
import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from secrets import token_bytes
from typing import Final, Self, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from services.identity.accounts.throttle import AttemptKey, DeviceCookies, Throttle, by_device, by_network
from services.identity.accounts.users import Users
from services.identity.errors import TooBusy
from services.identity.model import User, normalize_password

log = logging.getLogger(__name__)

MAX_RUNNING: Final = 2
"""Hashes at a time, each in a thread."""

MAX_WAITING: Final = 20
"""Hashes that may wait for their turn."""

Result = TypeVar("Result")


class PasswordHasher:
    """Hashes and verifies passwords; used with `async with`.

    Args:
        memory_cost: KiB of a hash.
        time_cost: iterations of a hash.
    """

    def __init__(self, *, memory_cost: int, time_cost: int) -> None:
        self._hasher = PasswordHash(
            [Argon2Hasher(time_cost=time_cost, memory_cost=memory_cost, parallelism=1)]
        )
        self._decoy = _decoy(memory_cost, time_cost)
        self._pending = 0

    async def __aenter__(self) -> Self:
        self._pool = ThreadPoolExecutor(MAX_RUNNING, thread_name_prefix="argon2")
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """The hash of a password, with a new salt.

        Raises:
            TooBusy: too many are waiting.
        """
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
        """Whether the password is correct, and a new hash of it when the costs have changed.

        Without a hash, for an unknown user, it is not, which takes just as long to find.

        Raises:
            TooBusy: too many are waiting.
        """
        against = password_hash if password_hash is not None else self._decoy
        correct, rehashed = await self._run(lambda: self._hasher.verify_and_update(password, against))
        return (correct, rehashed) if password_hash is not None else (False, None)

    async def _run(self, work: Callable[[], Result]) -> Result:
        if self._pending >= MAX_RUNNING + MAX_WAITING:
            raise TooBusy
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._pending -= 1


def _decoy(memory_cost: int, time_cost: int) -> str:
    """A hash that no password has, whose verification costs as much as that of any other."""
    salt, digest = (b64encode(token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={memory_cost},t={time_cost},p=1${salt}${digest}"


class Authenticator:
    """Authenticates users by their passwords, within the limits of the throttle."""

    def __init__(
        self, users: Users, hasher: PasswordHasher, throttle: Throttle, devices: DeviceCookies
    ) -> None:
        self._users = users
        self._hasher = hasher
        self._throttle = throttle
        self._devices = devices

    async def authenticate(
        self, name: str, password: str, *, device_cookie: str | None, network: str
    ) -> User | None:
        """The user with this name and password; None when one of them is wrong, and nobody learns which.

        Raises:
            TooManyAttempts: even if the password is correct.
            TooBusy: too many are waiting.
        """
        user = await self._users.named(name)
        device = self._devices.device(device_cookie, user)
        keys = by_network(name, network) if device is None else by_device(device)
        async with self.attempt(keys):
            correct, rehashed = await self._hasher.verify(
                normalize_password(password), None if user is None else user.password_hash
            )
        if user is None or not correct:
            log.info("A login from %s failed", network)
            return None
        own, *shared = keys
        await self._throttle.reset(own)
        if shared:
            await self._throttle.refund(shared)
        return user if rehashed is None else await self._users.rehash(user, rehashed)

    @asynccontextmanager
    async def attempt(self, keys: list[AttemptKey]) -> AsyncIterator[None]:
        """Count an attempt, unless it ends with `TooBusy`.

        Raises:
            TooManyAttempts: it is one too many.
        """
        await self._throttle.acquire(keys)
        try:
            yield
        except TooBusy:
            await self._throttle.refund(keys)
            raise
