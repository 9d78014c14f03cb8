"""Traffic splitting: some callers of a route are served by a variant, another target, and stay with it."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import AfterValidator, Field, StrictBool, model_validator

from frontispiece.gateway.auth.caller import network_of, subject_of
from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.base import ConfigModel, FieldName, non_empty
from frontispiece.gateway.config.target import Target
from frontispiece.gateway.dropped_headers import is_dropped
from frontispiece.http.headers import CREDENTIALS
from frontispiece.units import Matches
from frontispiece.upstream import Headers, Reply, UpstreamError

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources

log = logging.getLogger(__name__)

SERVED_BY: Final = b"x-served-by"

TOTAL_WEIGHT: Final = 100.0

UNSUITABLE: Final = CREDENTIALS | {b"host"}
"""Header fields that cannot select a variant, beside those that the edge drops."""


def _selecting(name: str) -> str:
    if name.encode() in UNSUITABLE or is_dropped(name.encode()):
        raise ValueError(f"{name} cannot select a variant: use a header of your own")
    return name


class HeaderMatch(ConfigModel):
    """Calls with this header."""

    header: Annotated[FieldName, AfterValidator(_selecting)] = Field(description="Its name.")
    equals: Annotated[str, Matches(r"[ -~]*", "value of a header: it is of printable ASCII")] = Field(
        description="Its whole value."
    )


class Variant(ConfigModel):
    """Another target of a route, and the calls that it gets."""

    to: Target = Field(description='"service" or "service:/path/{name}".')
    weight: Annotated[float, Field(strict=True)] = Field(
        0.0, ge=0, le=TOTAL_WEIGHT, description="Percentage of callers; the others stay with the route's own."
    )
    when: HeaderMatch | None = Field(None, description="Calls with this header, whatever the weights.")
    served_by_header: StrictBool = Field(False, description="Whether responses have X-Served-By.")

    @property
    def name(self) -> str:
        """The target's name, in metrics too."""
        return str(self.to)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.weight and not self.when:
            raise ValueError("it gets no calls: add weight or when")
        return self


def _within_total(variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
    if (total := sum(variant.weight for variant in variants)) > TOTAL_WEIGHT:
        raise ValueError(f"the weights add up to {total:g}, more than {TOTAL_WEIGHT:g}")
    return variants


Split = Annotated[tuple[Variant, ...], non_empty(), AfterValidator(_within_total)]


def for_route(route: "Route", resources: "TableResources") -> Iterator[Layer]:
    """The layer of a route whose calls are split."""
    if route.split and route.to:
        yield split_layer(
            route.split, str(route.to), partial(resources.runtime.metrics.splits.add, route.name)
        )


def forward(route: "Route", resources: "TableResources") -> Handler:
    """Sends the calls of a route to its service, or to the variant that `split_layer` has chosen."""
    assert route.to is not None, "parts are joined by an aggregate"
    handlers: dict[str | None, Handler] = {None: resources.forward(route, route.to)}
    for variant in route.split or ():
        handlers[variant.name] = resources.forward(route, variant.to)
    if not route.split:
        return handlers[None]

    async def handle(call: Call) -> Reply:
        return await handlers[call.variant](call)

    return handle


def split_layer(variants: tuple[Variant, ...], default: str, count: Callable[[str], None]) -> Layer:
    """Choose the variant of a call: by a header first, otherwise by the caller.

    A caller is a user, a guest with a session, or an address. Callers stay with a variant while the weights
    do, on all routes that are split between the same services; a variant whose weight grows keeps the callers
    that it has, if it is the first of its route. Responses have `Vary` with the names of the headers.
    """
    by_header = [
        (variant.when.header.encode(), variant.when.equals.encode(), variant)
        for variant in variants
        if variant.when
    ]
    names = sorted({name for name, *_ in by_header})
    vary: Headers = [(b"vary", b", ".join(names))] if names else []
    by_caller = _by_caller(variants)

    def choose(call: Call) -> Variant | None:
        for name, value, variant in by_header:
            if call.header(name) == value:
                return variant
        return by_caller(call)

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            variant = choose(call)
            call.variant = variant.name if variant else None
            count(call.variant or default)
            reply = await (_serve(inner, call, variant) if variant else inner(call))
            reply.headers += vary
            return reply

        return handle

    return layer


async def _serve(inner: Handler, call: Call, variant: Variant) -> Reply:
    service = variant.to.service
    try:
        reply = await inner(call)
    except UpstreamError as failure:  # here: the edge would name the route's own service
        log.warning("request %s: %s: %s", call.request_id.decode("latin-1"), service, failure)
        raise failure.problem(service) from failure
    if variant.served_by_header:
        reply.headers = [field for field in reply.headers if field[0] != SERVED_BY]
        reply.headers.append((SERVED_BY, service.encode()))
    return reply


def _by_caller(variants: tuple[Variant, ...]) -> Callable[[Call], Variant | None]:
    """Chooses by a hash of the caller, which is a number between zero and the total weight."""
    weighted = [variant for variant in variants if variant.weight]
    if not weighted:
        return lambda _call: None
    salt = blake2b("\n".join(variant.name for variant in weighted).encode(), digest_size=16).digest()
    bounds = []
    bound = 0.0
    for variant in weighted:
        bound += variant.weight
        bounds.append((bound, variant))

    def choose(call: Call) -> Variant | None:
        digest = blake2b(_caller(call), digest_size=8, key=salt).digest()
        position = int.from_bytes(digest, "big") / 2**64 * TOTAL_WEIGHT
        return next((variant for bound, variant in bounds if position < bound), None)

    return choose


def _caller(call: Call) -> bytes:
    subject = subject_of(call)
    return (f"address {network_of(call)!r}" if subject is None else f"user {subject}").encode()
