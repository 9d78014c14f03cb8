"""A broker that is as unkind as it may be: doubled messages, any order, and handlers that are broken off."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from frontispiece.events import AlreadyHandled, Event, Reject

Handle = Callable[[Event[Any]], Awaitable[None]]

AT_ONCE: Final = 6
BROKEN_OFF: Final = 0.3
"""The share of deliveries whose handler is cancelled somewhere."""

MAX_TURNS: Final = 60
MAX_ROUNDS: Final = 2000


async def deliver(message: Event[Any], handle: Handle, *, within: float = 60) -> None:
    """Deliver a message until it is acknowledged, for so many seconds.

    Raises:
        Reject: it is to be parked.
    """
    failure: Exception | None = None
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            while True:
                try:
                    return await handle(message)
                except AlreadyHandled:
                    return None
                except Reject:
                    raise
                except Exception as error:  # noqa: BLE001 (any is redelivered, as the bus does)
                    failure = error
                await asyncio.sleep(0)  # a handler that fails at once leaves the time-out, and others, a turn
    raise AssertionError(f"never acknowledged: {message}") from failure


async def deliver_unkindly(messages: Iterable[Event[Any]], handle: Handle, *, seed: int) -> None:
    """Deliver each message twice, in a random order and several at once, until all are acknowledged.

    Args:
        messages: to be delivered.
        handle: the handler of a message, of one copy of the service or another.
        seed: of all that is random.
    """
    chance = random.Random(seed)  # noqa: S311 (nothing secret)
    waiting = [message for message in messages for _ in range(2)]
    for _ in range(MAX_ROUNDS):
        if not waiting:
            return
        chance.shuffle(waiting)
        taken, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        limits = [chance.randrange(MAX_TURNS) if chance.random() < BROKEN_OFF else None for _ in taken]
        deliveries = (_deliver(*each, handle) for each in zip(taken, limits, strict=True))
        done = await asyncio.gather(*deliveries)
        waiting += [message for message, is_done in zip(taken, done, strict=True) if not is_done]
    raise AssertionError(f"never acknowledged: {waiting}")


async def _deliver(message: Event[Any], turns: int | None, handle: Handle) -> bool:
    """Whether the message is acknowledged; its handler has so many turns of the event loop, None for all."""
    handling = asyncio.ensure_future(handle(message))
    if turns is not None:
        for _ in range(turns):
            await asyncio.sleep(0)
        handling.cancel()
    (outcome,) = await asyncio.gather(handling, return_exceptions=True)
    return outcome is None or isinstance(outcome, AlreadyHandled | Reject)
