"""Some callers are led to another side of a route, and stay there."""

import logging
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Final

from gateway.call import Call, Handler, Layer
from gateway.layers.limit import CALLER_OF
from gateway.policies import By
from gateway.policies.split import ALL, Choice
from gateway.policies.target import Target
from gateway.upstream import Headers, Reply, UpstreamError
from kit.tokens import NOBODY

log = logging.getLogger(__name__)

SERVED_BY: Final = b"x-served-by"

Sides = Mapping[str | None, Handler]
"""By the name of the side (`side_of`); None is where the route leads."""


def side_of(target: Target) -> str:
    """The name of this side, in metrics too: `new`, or `new:/path`."""
    return f"{target.service}:{target.path}" if target.path else target.service


def between(choices: tuple[Choice, ...], stays: str, count: Callable[[str], None]) -> Layer:
    """Choose the side for a call: by a header first, else by who is calling.

    A caller is a user, a guest with a session, or else an address. Whoever is on one side stays there while
    the weights do, and on all routes that are split between the same services; one that grows keeps those
    whom it had, if it is the first of its table. `Vary` tells caches of the headers.

    Args:
        choices: the other sides.
        stays: the name of the side where the route leads.
        count: is told the name of the side that each call is led to.
    """
    chosen = _by_header(choices)
    share_of = _shares(choices)
    vary: Headers = [(b"vary", b", ".join(sorted(names)))] if (names := {name for name, *_ in chosen}) else []

    def choice_of(call: Call) -> Choice | None:
        for name, value, choice in chosen:
            if call.header(name) == value:
                return choice
        return share_of(call)

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            choice = choice_of(call)
            call.side = side_of(choice.to) if choice else None
            count(call.side or stays)
            reply = await _answer(inner, call, choice)
            reply.headers += vary
            return reply

        return handle

    return layer


def dispatched(sides: Sides) -> Handler:
    """The handler of the side that was chosen for a call."""

    async def handle(call: Call) -> Reply:
        return await sides[call.side](call)

    return handle


async def _answer(inner: Handler, call: Call, choice: Choice | None) -> Reply:
    if choice is None:
        return await inner(call)
    service = choice.to.service
    try:
        reply = await inner(call)
    except UpstreamError as failure:  # told here: the edge would name the service where the route leads
        log.warning("request %s: %s: %s", call.request_id.decode("latin-1"), service, failure)
        raise failure.problem(service) from failure
    if choice.told:
        reply.headers = [field for field in reply.headers if field[0] != SERVED_BY]
        reply.headers.append((SERVED_BY, service.encode()))
    return reply


def _by_header(choices: tuple[Choice, ...]) -> list[tuple[bytes, bytes, Choice]]:
    return [
        (choice.when.header.encode(), choice.when.equals.encode(), choice)
        for choice in choices
        if choice.when
    ]


def _shares(choices: tuple[Choice, ...]) -> Callable[[Call], Choice | None]:
    """Chooses by the caller, each of whom has a place between nothing and all."""
    weighed = [choice for choice in choices if choice.weight]
    salt = blake2b("\n".join(side_of(choice.to) for choice in weighed).encode(), digest_size=16).digest()
    ends = []
    end = 0.0
    for choice in weighed:
        end += choice.weight
        ends.append((end, choice))

    def chosen(call: Call) -> Choice | None:
        digest = blake2b(_caller(call), digest_size=8, key=salt).digest()
        place = int.from_bytes(digest, "big") / 2**64 * ALL
        return next((choice for end, choice in ends if place < end), None)

    return chosen if weighed else lambda _call: None


def _caller(call: Call) -> bytes:
    if call.identity is None or call.identity is NOBODY:
        return f"address {CALLER_OF[By.ADDRESS](call)}".encode()
    return f"user {call.identity.subject}".encode()
