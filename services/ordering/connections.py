"""Open connections to the services that placing an order calls."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from frontispiece.security import Identity, Signer
from frontispiece.settings import Directory
from frontispiece.upstream import GrpcService, Headers, Unreachable, UpstreamError, open_upstream
from services.ordering.calls import Calls
from services.ordering.clients import Baskets, Catalog, Clients, Discounts, Pickups, Shipping
from shop.pb.services import DiscountsStub

HTTP_SERVICES: Final = ("catalog", "basket", "shipping", "pickup")


@dataclass(frozen=True, slots=True)
class Connections:
    """Open connections to the services that placing an order calls."""

    bind: Callable[[Identity, Headers], Clients]
    """Makes the clients for a request with these headers, made on behalf of this identity."""
    checks: Mapping[str, Callable[[], Awaitable[bool]]]
    """Asks each service by name whether it is ready."""

    async def ready(self) -> None:
        """Return when every service is ready: without any of them no order can be placed.

        Raises:
            Unreachable: some are not, which it names.
        """
        answers = await asyncio.gather(*(_is_ready(check) for check in self.checks.values()))
        if missing := [name for name, answer in zip(self.checks, answers, strict=True) if not answer]:
            raise Unreachable(f"{', '.join(missing)} does not respond, or is not ready itself")


@asynccontextmanager
async def open_clients(
    directory: Directory, call_timeout: float, signer: Signer
) -> AsyncIterator[Connections]:
    """Connections to the services that placing an order calls.

    Args:
        directory: their addresses.
        call_timeout: seconds that a call may take.
        signer: signs the tokens that name the user on whose behalf they are called.

    Raises:
        LookupError: the directory lacks an address.
    """
    upstreams = [open_upstream(name, f"registry://{name}", directory) for name in HTTP_SERVICES]
    discount = GrpcService("discount", DiscountsStub, address="discount-grpc")
    channels = discount.connect(directory, lambda stub: stub)

    def clients_for(identity: Identity, headers: Headers) -> Clients:
        def authorization(service: str) -> bytes:
            return signer.authorization(identity, service)

        catalog, basket, shipping, pickup = (
            Calls(each.name, each.within, headers, authorization, call_timeout) for each in upstreams
        )
        return Clients(
            catalog=Catalog(catalog),
            baskets=Baskets(basket),
            discounts=Discounts(Calls("discount", channels.bind, headers, authorization, call_timeout)),
            shipping=Shipping(shipping),
            pickup=Pickups(pickup),
        )

    async with AsyncExitStack() as stack:
        for upstream in upstreams:
            await stack.enter_async_context(upstream)
        await stack.enter_async_context(channels)
        needed = (each for each in upstreams if each.name != "pickup")  # without it, orders are delivered
        checks = {each.name: partial(each.is_ready, optional=True) for each in needed}
        yield Connections(clients_for, {**checks, "discount": channels.is_ready})


async def _is_ready(check: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await check()
    except UpstreamError:
        return False
