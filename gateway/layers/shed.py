"""With too much to do, what matters least is refused first, before anything is done for it."""

from collections.abc import Callable
from typing import Final

from gateway.call import Call, Handler, Layer
from gateway.load import Load
from gateway.policies.priority import Priority
from gateway.upstream import Reply
from kit.problems import Problem

BEGINS: Final = {Priority.LOW: 0.5, Priority.NORMAL: 0.75, Priority.HIGH: 1.0}
"""At which share of the load that may be a route's calls are refused; critical ones never are."""

COMES_AGAIN: Final = {Priority.LOW: 10, Priority.NORMAL: 5, Priority.HIGH: 2}
"""Seconds after which a client may come again: what matters less makes room for longer."""


def unless_needed(priority: Priority, load: Load, count: Callable[[str], None]) -> Layer:
    """Refuse calls while the load is too much for them; all others are part of it.

    Args:
        priority: of the route.
        load: of this gateway.
        count: is told the priority of each call that is refused.
    """
    begins = BEGINS.get(priority)
    seconds = COMES_AGAIN.get(priority, 0)
    detail = f"There is too much to do at present: come again in {seconds} s."

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            if begins is not None and load.is_above(begins):
                count(priority.value)
                raise Problem(503, "shed", detail, headers={"Retry-After": str(seconds)})
            load.running += 1
            try:
                return await inner(call)
            finally:
                load.running -= 1

        return handle

    return layer
