"""Every instance of every service, as the gateway and the BFFs mounted in it see them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from frontispiece.gateway.console.bff_calls import mounted
from frontispiece.registry import Instance
from frontispiece.upstream.stats import State, Stateful

if TYPE_CHECKING:
    from frontispiece.gateway.admin.endpoints import AdministeredGateway


async def instances(gateway: "AdministeredGateway") -> list[State]:
    """Instances that are registered, or called from here, by service and address.

    `in_flight` and `ejections` add up what all callers in this process have; `healthy` is false where one of
    them has ejected it, or finds its health check failing.
    """
    found: dict[tuple[str, str], State] = {}
    registered_as: dict[str, str] = {}
    for instance in await _registered(gateway.runtime.directory.registry.url):
        about = {"zone": instance.zone, "version": instance.version, "weight": instance.weight}
        row = _row(found, instance.service, instance.address)
        row |= {"registered": True, **about}
        registered_as[instance.address] = instance.service
    for service, endpoint in _called(gateway):
        row = _row(found, registered_as.get(endpoint["url"], service), endpoint["url"])
        row["healthy"] &= endpoint.get("healthy", True) and not endpoint.get("ejected", False)
        for number in ("in_flight", "ejections"):
            row[number] += endpoint.get(number, 0)
    return [found[key] for key in sorted(found)]


def _row(found: dict[tuple[str, str], State], service: str, address: str) -> State:
    empty: dict[str, Any] = {"service": service, "address": address, "registered": False, "healthy": True}
    return found.setdefault(
        (service, address),
        {**empty, "in_flight": 0, "ejections": 0, "zone": "", "version": "", "weight": 1.0},
    )


async def _registered(url: str) -> list[Instance]:
    if not url:
        return []
    from frontispiece.registry import open_registry  # noqa: PLC0415 (an extra)

    async with open_registry(url) as registry:  # which the gateway's services have opened
        return registry.instances


def _called(gateway: "AdministeredGateway") -> Iterator[tuple[str, State]]:
    """The endpoints of each service, by its name, for each caller."""
    callers: list[tuple[str, object]] = [*gateway.snapshot.upstreams.items()]
    for app in mounted(gateway).values():
        callers += app.services.items()
    for name, caller in callers:
        if isinstance(caller, Stateful):
            for endpoint in caller.state()["addresses"]:
                yield name.partition("@")[0], endpoint
