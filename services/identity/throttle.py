"""Attempts, counted so that nobody can try many passwords, and nobody can lock somebody else out.

Failures are never counted by user name alone: who knows a name could lock its owner out by failing on purpose
(OWASP Authentication Cheat Sheet, "Account Lockout"). They are counted by name and network, and by network. A
browser at which the user logged in before has a device cookie and is counted by that alone, so that failures
of others, even in its own network, do not touch it (OWASP, "Slow Down Online Guessing Attacks with Device
Cookies").
"""

import ipaddress
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from kit.db import Database
from kit.sealing import NotSealed, Ring
from services.identity.errors import TooMany
from services.identity.model import Clock, User, digest, name_key, new_secret
from services.identity.tables import attempts

WINDOW: Final = 900.0
"""Seconds from the first of the attempts that are counted together until they are forgotten."""

BY_PAIR: Final = 5
"""Failures of one user name in one network, or of one device."""

BY_NETWORK: Final = 50
"""Failures of one network, whatever the user names."""

REGISTRATIONS: Final = 10
"""New users of one network."""

PURPOSE: Final = b"device"


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """What attempts are counted by, and how many there may be."""

    key: str
    limit: int


class Throttle:
    """The attempts in identity's database, shared by all processes."""

    def __init__(self, database: Database, clock: Clock = time.time) -> None:
        self._database = database
        self._clock = clock
        self._insert = sqlite.insert if database.dialect == "sqlite" else postgresql.insert

    async def enter(self, counted: Sequence[Counted]) -> None:
        """Count an attempt before it is made, so that many at once are no more than one after another.

        Raises:
            TooMany: there may be no other for now; this one is not counted.
        """
        async with self._database.write() as tx:
            for one in sorted(counted, key=lambda one: one.key):  # the order in which all take their locks
                row = (await tx.execute(self._one_more(one.key))).one()
                if row.times > one.limit:
                    raise TooMany(row.since + WINDOW - self._clock())

    async def take_back(self, counted: Sequence[Counted]) -> None:
        """Count an attempt no longer: it did not fail, or was not made."""
        keys = sorted(one.key for one in counted)
        async with self._database.write() as tx:
            for key in keys:
                this = (attempts.c.key == key) & (attempts.c.times > 0)
                await tx.execute(attempts.update().where(this).values(times=attempts.c.times - 1))

    async def forget(self, counted: Counted) -> None:
        """Count none of these attempts any longer."""
        async with self._database.write() as tx:
            await tx.execute(attempts.delete().where(attempts.c.key == counted.key))

    def _one_more(self, key: str) -> sa.Executable:
        now = self._clock()
        over = attempts.c.since <= now - WINDOW
        grown = {
            "times": sa.case((over, 1), else_=attempts.c.times + 1),
            "since": sa.case((over, now), else_=attempts.c.since),
        }
        entry = self._insert(attempts).values(key=key, times=1, since=now)
        more = entry.on_conflict_do_update(index_elements=[attempts.c.key], set_=grown)
        return more.returning(attempts.c.times, attempts.c.since)


class Devices:
    """Cookies of browsers at which somebody has logged in, sealed so that nobody else can make one."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    def new(self, user_id: str) -> str:
        """The cookie of a browser at which this user has logged in."""
        return self._ring.seal(f"{new_secret()} {user_id}".encode(), PURPOSE).hex()

    def known_by(self, cookie: str | None, user: User | None) -> str | None:
        """What this browser is counted by when it is a device of this user; None when it is not."""
        if cookie is None or user is None:
            return None
        try:
            name, _, owner = self._ring.open(bytes.fromhex(cookie), PURPOSE).decode().partition(" ")
        except (NotSealed, ValueError):
            return None
        return name if owner == user.id else None


def by_device(device: str) -> list[Counted]:
    """What an attempt to log in is counted by that comes from a device of the user's own."""
    return [_counted("device", device, limit=BY_PAIR)]


def by_place(user_name: str, network: str) -> list[Counted]:
    """What any other attempt to log in is counted by: the first is forgotten when it succeeds."""
    return [
        _counted("pair", name_key(user_name), network, limit=BY_PAIR),
        _counted("network", network, limit=BY_NETWORK),
    ]


def registration(network: str) -> list[Counted]:
    """What a registration is counted by."""
    return [_counted("registration", network, limit=REGISTRATIONS)]


def network_of(address: str) -> str:
    """The network that an address is counted by: an IPv4 address, or the 64 bits of an IPv6 site."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))


def _counted(*parts: str, limit: int) -> Counted:
    told = "".join(f"{len(part)}:{part}" for part in parts)  # no two lists of parts look the same
    return Counted(key=digest(told), limit=limit)
