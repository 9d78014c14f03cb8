"""Open connections to the services that placing an order calls."""

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from typing import Final, Self

from frontispiece.security import Identity, Signer
from frontispiece.settings import Directory
from frontispiece.upstream import GrpcService, Headers, Unreachable, UpstreamError, open_upstream
from services.ordering.calls import Calls
from services.ordering.clients import Baskets, Catalog, Clients, Discounts, Pickups, Shipping
from shop.pb.services import DiscountsStub

HTTP_SERVICES: Final = ("catalog", "basket", "shipping", "pickup")

OPTIONAL: Final = "pickup"
"""The service without which orders are placed all the same: they are delivered."""


class Connections:
    """Connections to the services that placing an order calls; open them with `async with`.

    Args:
        directory: their addresses.
        call_timeout: seconds that a call may take.
        signer: signs the tokens that name the user on whose behalf they are called.

    Raises:
        LookupError: the directory lacks an address.
    """

    def __init__(self, directory: Directory, call_timeout: float, signer: Signer) -> None:
        self._upstreams = [open_upstream(name, f"registry://{name}", directory) for name in HTTP_SERVICES]
        discount = GrpcService("discount", DiscountsStub, address="discount-grpc")
        self._discount = discount.connect(directory, lambda stub: stub)
        self._call_timeout = call_timeout
        self._signer = signer
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for each in (*self._upstreams, self._discount):
                await stack.enter_async_context(each)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    def bind(self, identity: Identity, headers: Headers) -> Clients:
        """The clients for a request with these headers, made on behalf of this identity."""

        def authorization(service: str) -> bytes:
            return self._signer.authorization(identity, service)

        bound = {each.name: each.within for each in self._upstreams} | {"discount": self._discount.bind}
        calls = {
            name: Calls(name, bind, headers, authorization, self._call_timeout)
            for name, bind in bound.items()
        }
        return Clients(
            catalog=Catalog(calls["catalog"]),
            baskets=Baskets(calls["basket"]),
            discounts=Discounts(calls["discount"]),
            shipping=Shipping(calls["shipping"]),
            pickup=Pickups(calls["pickup"]),
        )

    async def ready(self) -> None:
        """Return when every service is ready without which no order can be placed.

        Raises:
            Unreachable: some are not, which it names.
        """
        needed = [each for each in self._upstreams if each.name != OPTIONAL]
        checks = {each.name: each.is_ready(optional=True) for each in needed}
        checks["discount"] = self._discount.is_ready()
        answers = await asyncio.gather(*map(_is_ready, checks.values()))
        if missing := [name for name, answer in zip(checks, answers, strict=True) if not answer]:
            raise Unreachable(f"{', '.join(missing)} does not respond, or is not ready itself")


async def _is_ready(check: Awaitable[bool]) -> bool:
    try:
        return await check
    except UpstreamError:
        return False
