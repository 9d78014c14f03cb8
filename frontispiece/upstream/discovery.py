"""Where a service is, as it changes: the registry, and addresses by DNS."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from frontispiece.extras import extra
from frontispiece.registry import Instance
from frontispiece.settings import RegistrySettings

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

log = logging.getLogger(__name__)

Discovery = Callable[[], AsyncGenerator[Sequence[Instance], None]]
"""Gives the instances of a service that are known, then again at each change; it never ends."""

MIN_TTL: Final = 1.0
MAX_TTL: Final = 30.0
"""Seconds between two questions about the same name, whatever its TTL."""

RESOLVE_TIMEOUT: Final = 5.0


def registry(name: str, version: str, settings: RegistrySettings, static: Sequence[str]) -> Discovery:
    """The registered instances of a service.

    They have this version, if any do. The static addresses are theirs for as long as none is registered.
    """

    async def instances() -> AsyncGenerator[Sequence[Instance], None]:
        from frontispiece.registry import open_registry  # noqa: PLC0415 (an extra)

        async with open_registry(settings.url) as opened, aclosing(opened.watch(name)) as changes:
            async for found in changes:
                chosen = [
                    replace(each, priority=int(each.zone != settings.zone)) for each in _of(version, found)
                ]
                yield chosen or [Instance(address=address) for address in static]

    return instances


def _of(version: str, found: Sequence[Instance]) -> list[Instance]:
    """The instances of a version; those with a weight, where there are none or no version is named."""
    if named := [each for each in found if version and each.version == version]:
        return [replace(each, weight=each.weight or 1.0) for each in named]
    return [each for each in found if each.weight] or [replace(each, weight=1.0) for each in found]


def dns(url: str, resolver: "Resolver | None" = None, *, scheme: str = "http") -> Discovery:
    """The instances behind `dns://name:port` (A, or else AAAA) or `srv://name` (SRV), by the records' TTL.

    What was found last stays while no server answers, or has no record.

    Raises:
        MissingExtra: the extra `dns` is not installed.
    """
    with extra("dns"):
        from dns.asyncresolver import Resolver  # noqa: PLC0415 (an extra)
        from dns.exception import DNSException  # noqa: PLC0415 (the same)
    parts = urlsplit(url)
    name, port = parts.hostname or "", None if parts.scheme == "srv" else parts.port or 80

    async def instances() -> AsyncGenerator[Sequence[Instance], None]:
        used = resolver or Resolver()
        found, failure, ttl = None, "", MIN_TTL
        while True:
            try:
                hosts, ttl = await (_services(used, name) if port is None else _hosts(used, name, port))
                now = [replace(each, address=f"{scheme}://{each.address}") for each in hosts]
                if now != found:
                    yield now
                found, failure = now, ""
            except DNSException as error:
                if str(error) != failure:
                    log.warning("%s cannot be resolved: %s", url, error)
                failure, ttl = str(error), MIN_TTL
            await asyncio.sleep(min(MAX_TTL, max(MIN_TTL, ttl)))

    return instances


async def _hosts(resolver: "Resolver", name: str, port: int) -> tuple[list[Instance], float]:
    """The instances at a host's addresses, without a scheme, and for how many seconds that holds."""
    from dns.resolver import NoAnswer  # noqa: PLC0415 (an extra)

    try:
        answer = await resolver.resolve(name, "A", search=True, lifetime=RESOLVE_TIMEOUT)
        form = "{}:{}"
    except NoAnswer:
        answer = await resolver.resolve(name, "AAAA", search=True, lifetime=RESOLVE_TIMEOUT)
        form = "[{}]:{}"
    hosts = sorted(record.address for record in answer)
    return [Instance(address=form.format(host, port)) for host in hosts], answer.ttl


async def _services(resolver: "Resolver", name: str) -> tuple[list[Instance], float]:
    """The instances that SRV records name (RFC 2782), and for how many seconds that holds."""
    answer = await resolver.resolve(name, "SRV", search=True, lifetime=RESOLVE_TIMEOUT)
    instances, ttl = [], float(answer.ttl)
    for record in answer:
        hosts, of_hosts = await _hosts(resolver, record.target.to_text(), record.port)
        ttl = min(ttl, of_hosts)
        instances += [
            replace(host, priority=record.priority, weight=float(record.weight or 1)) for host in hosts
        ]
    return sorted(instances, key=lambda each: each.address), ttl
