"""Whether somebody knows a user's password."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from services.identity.errors import Shown, TooBusy, TooMany
from services.identity.forms import DEVICE_COOKIE
from services.identity.model import User, password_of
from services.identity.provider import Provider, network
from services.identity.throttle import Counted, by_device, by_place

log = logging.getLogger(__name__)


async def proved(provider: Provider, request: Request, name: str, password: str) -> User | None:
    """The user of this name, if this is the password; None when not, and nobody learns which was wrong.

    Raises:
        Shown: 429 after too many failures, even with the right password; 503 when too many try at once.
    """
    user = await provider.users.named(name)
    device = provider.devices.known_by(request.cookies.get(DEVICE_COOKIE), user)
    where = network(request, provider.gateway)
    counted = by_place(name, where) if device is None else by_device(device)
    kept = None if user is None else user.password_hash
    async with admitted(provider, counted):
        matches, anew = await provider.passwords.verify(password_of(password), kept)
    if user is None or not matches:
        log.info("Somebody at %s failed to log in", where)
        return None
    own, *shared = counted
    await provider.throttle.forget(own)
    if shared:
        await provider.throttle.take_back(shared)
    return user if anew is None else await provider.users.rehash(user, anew)


@asynccontextmanager
async def admitted(provider: Provider, counted: list[Counted]) -> AsyncIterator[None]:
    """An attempt that is counted, unless nobody has the time to look at it.

    Raises:
        Shown: 429, it is one too many.
    """
    try:
        await provider.throttle.enter(counted)
    except TooMany as fault:
        minutes = int(fault.seconds // 60) + 1
        raise Shown(
            429,
            "Too many attempts",
            f"There were too many attempts from here. Please try again in {minutes} min.",
            {"Retry-After": str(int(fault.seconds) + 1)},
        ) from None
    try:
        yield
    except TooBusy:
        await provider.throttle.take_back(counted)
        raise
