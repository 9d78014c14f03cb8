"""What must be right between retry, mirror and split, and the route that they are of."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from gateway.policies.target import Target

if TYPE_CHECKING:
    from gateway.route import Route


def faults_of(route: "Route") -> Iterator[str]:
    """What is wrong between these policies and the other keys of their route."""
    for key in ("retry", "mirror", "split"):
        if getattr(route, key) and not route.to:
            yield f"{key} is for a route that leads to one service: parts have several"
    if route.retry and route.retry.each and route.retry.each >= route.timeout:
        yield "retry: each is no shorter than timeout, so that no time is left for another try"
    if route.mirror and route.auth == "service":
        yield 'mirror copies no credentials: auth = "service" hands them to one service'
    if route.cache and any(choice.weight for choice in route.split or ()):
        yield "cache keeps one answer for all: it goes with a split by header, not by weight"
    for place, target in others(route):
        if unknown := set(target.path.names if target.path else ()) - set(route.template.names):
            yield f"{place}: to uses {', '.join(sorted(unknown))}, which the path does not have"
        if route.to and (target.service, target.path or route.template) == (route.to.service, route.target):
            yield f"{place}: to is where the route leads already"


def others(route: "Route") -> Iterator[tuple[str, Target]]:
    """Where a route leads beside `to`."""
    if route.mirror:
        yield "mirror", route.mirror.to
    for choice in route.split or ():
        yield "split", choice.to


def shadows_of(routes: Iterable["Route"]) -> set[str]:
    """Services that get nothing but copies, as far as routes go."""
    shadows = {route.mirror.to.service for route in routes if route.mirror}
    for route in routes:
        leads = [
            target.service for target in (route.to, *(choice.to for choice in route.split or ())) if target
        ]
        shadows -= {*leads, *(part.from_.service for part in (route.parts or {}).values())}
    return shadows
