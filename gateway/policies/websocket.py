"""Which routes pass WebSockets on, and how many, how long and how big."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from gateway.duration import LongDuration
from gateway.policies import Part
from gateway.size import Size

if TYPE_CHECKING:
    from gateway.route import Route

LONGEST: Final = 1 << 20
"""Bytes of the longest message that any route passes: the server reads no longer one into memory."""

OTHERS: Final = (
    "cors",
    "compress",
    "idempotency",
    "validates",
    "cache",
    "coalesce",
    "mirror",
    "retry",
    "split",
)
"""Keys that are about requests with one answer each."""

UNFIT: Final = ("app://", "h2://")
"""How addresses begin at which nobody speaks WebSockets."""


class WebSocket(Part):
    """WebSockets of a route pass to its service; other calls do as without it."""

    most: Annotated[int, Field(strict=True)] = Field(
        1000, ge=1, le=100_000, description="So many at a time, in each process."
    )
    idle: LongDuration = Field(
        timedelta(minutes=1), description="Without a message either way for so long, it is closed."
    )
    lasts: LongDuration = Field(
        timedelta(hours=12), description="After so long it is closed whatever happens: logins end too."
    )
    largest: Size = Field(
        64 * 1024, gt=0, le=LONGEST, description="The longest message either way; at most 1MiB."
    )


def faults_of(route: "Route") -> Iterator[str]:
    """What is wrong between the key `websocket` and the other keys of its route."""
    if route.websocket is None:
        return
    if route.parts:
        yield "websocket is for routes to one service: parts have several"
    if "GET" not in route.methods:
        yield "websocket needs GET among the methods: a handshake is one"
    fields = type(route).model_fields
    for key in OTHERS:
        if getattr(route, key):
            yield f"websocket does not go with {fields[key].alias or key}, which is about single answers"


def faults_between(services: Mapping[str, object], routes: Iterable[tuple[int, "Route"]]) -> Iterator[str]:
    """What is wrong between routes that pass WebSockets and the services, as they are written."""
    for number, route in routes:
        if route.websocket is None or route.to is None:
            continue
        service = services.get(route.to.service)
        written = service.get("url") if isinstance(service, dict) else None
        for url in written if isinstance(written, list) else [written]:
            if isinstance(url, str) and url.startswith(UNFIT):
                place = f"route {number} ({route.path})"
                yield f"{place}: websocket: nobody speaks it at {url}, only at http:// and https://"
