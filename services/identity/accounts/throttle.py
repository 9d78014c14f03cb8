"""Limits of login attempts: nobody can try many passwords, and nobody can lock another user out.

Failures are never counted by user name alone: whoever knows a name could lock its owner out by failing on
purpose (OWASP Authentication Cheat Sheet, "Account Lockout"). They are counted by name and network, and by
network. A browser at which the user has logged in before has a device cookie and is counted by that alone, so
that failures of others, even in its own network, do not touch it (OWASP, "Slow Down Online Guessing Attacks
with Device Cookies").
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from frontispiece.security import DecryptionError, Keyring
from frontispiece.stores import Database, insert
from services.identity.errors import TooManyAttempts
from services.identity.model import Clock, User, digest, name_key, new_secret
from services.identity.tables import ATTEMPT_WINDOW, attempts

MAX_BY_NAME: Final = 5
"""Failures with one user name from one network, or from one device."""

MAX_BY_NETWORK: Final = 50
"""Failures from one network, with any user names."""

MAX_REGISTRATIONS: Final = 10
"""New users from one network."""

PURPOSE: Final = b"device"


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptKey:
    """What attempts are counted by, and their limit."""

    key: str
    limit: int


class Throttle:
    """The attempts in identity's database, shared by all processes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def acquire(self, keys: Sequence[AttemptKey]) -> None:
        """Count an attempt before it is made: many at once are no more than one after another.

        Raises:
            TooManyAttempts: a limit is reached; this attempt is not counted.
        """
        async with self._database.write() as tx:
            for key in sorted(keys, key=lambda key: key.key):  # the order in which all take their locks
                row = (await tx.execute(self._increment(key.key))).one()
                if row.total > key.limit:
                    raise TooManyAttempts(row.since + ATTEMPT_WINDOW - self._clock())

    async def refund(self, keys: Sequence[AttemptKey]) -> None:
        """Take back an attempt that did not fail, or was not made."""
        async with self._database.write() as tx:
            for key in sorted(key.key for key in keys):
                this = (attempts.c.key == key) & (attempts.c.total > 0)
                await tx.execute(attempts.update().where(this).values(total=attempts.c.total - 1))

    async def reset(self, key: AttemptKey) -> None:
        """Forget the attempts of a key."""
        async with self._database.write() as tx:
            await tx.execute(attempts.delete().where(attempts.c.key == key.key))

    def _increment(self, key: str) -> sa.Executable:
        now = self._clock()
        expired = attempts.c.since <= now - ATTEMPT_WINDOW
        changes = {
            "total": sa.case((expired, 1), else_=attempts.c.total + 1),
            "since": sa.case((expired, now), else_=attempts.c.since),
        }
        adding = insert(attempts, self._database.dialect).values(key=key, total=1, since=now)
        upsert = adding.on_conflict_do_update(index_elements=[attempts.c.key], set_=changes)
        return upsert.returning(attempts.c.total, attempts.c.since)


class DeviceCookies:
    """Encrypted cookies of browsers at which a user has logged in (OWASP device cookies)."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def new(self, user_id: str) -> str:
        """A cookie for a browser at which this user has logged in."""
        return self._keyring.encrypt(f"{new_secret()} {user_id}".encode(), PURPOSE).hex()

    def device(self, cookie: str | None, user: User | None) -> str | None:
        """The device's id; None when the cookie is not of this user."""
        if cookie is None or user is None:
            return None
        try:
            device, _, owner = self._keyring.decrypt(bytes.fromhex(cookie), PURPOSE).decode().partition(" ")
        except (DecryptionError, ValueError):
            return None
        return device if owner == user.id else None


def by_device(device: str) -> list[AttemptKey]:
    """The key of a login from a device of the user's own."""
    return [_key("device", device, limit=MAX_BY_NAME)]


def by_network(name: str, network: str) -> list[AttemptKey]:
    """The keys of any other login: a success resets the first and refunds the second."""
    return [
        _key("pair", name_key(name), network, limit=MAX_BY_NAME),
        _key("network", network, limit=MAX_BY_NETWORK),
    ]


def registration(network: str) -> list[AttemptKey]:
    """The key of a registration."""
    return [_key("registration", network, limit=MAX_REGISTRATIONS)]


def network_of(address: str) -> str:
    """An IPv4 address, or the first 64 bits of an IPv6 address: one site has all of them."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))


def _key(*parts: str, limit: int) -> AttemptKey:
    joined = "".join(f"{len(part)}:{part}" for part in parts)  # no two lists of parts look the same
    return AttemptKey(key=digest(joined), limit=limit)
