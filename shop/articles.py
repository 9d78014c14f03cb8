"""What articles cost and of which brand they are, for services that must know: catalog is asked."""

from collections.abc import Sequence
from typing import Generic, Self, TypeVar
from urllib.parse import urlencode

import msgspec

from frontispiece.settings import Directory
from frontispiece.upstream import Context, Headers, UpstreamError, now, open_upstream
from shop.fields import Amount, Currency
from shop.money import Money


class _Price(msgspec.Struct):
    amount: Amount
    currency: Currency


class _Brand(msgspec.Struct):
    id: str


class _Priced(msgspec.Struct):
    sku: str
    price: _Price


class _Branded(msgspec.Struct):
    sku: str
    brand: _Brand


_Product = TypeVar("_Product")


class _Products(msgspec.Struct, Generic[_Product]):
    items: list[_Product]


class _Brands(msgspec.Struct):
    items: list[_Brand]


class Articles:
    """The articles that are sold; open it with `async with`.

    Args:
        directory: has catalog's address.
        call_timeout: seconds that a call may take.

    Raises:
        LookupError: the directory lacks the address.
    """

    def __init__(self, directory: Directory, call_timeout: float) -> None:
        self._catalog = open_upstream("catalog", "registry://catalog", directory)
        self._call_timeout = call_timeout

    async def __aenter__(self) -> Self:
        await self._catalog.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._catalog.__aexit__(*exc)

    async def prices(self, skus: Sequence[str], headers: Headers) -> dict[str, Money]:
        """The prices of those of these articles that are sold, by sku.

        Args:
            skus: at most 100.
            headers: of the request for which this is asked.

        Raises:
            Problem: 502, 503 or 504 when catalog gives no usable response.
        """
        return {
            product.sku: Money(amount=product.price.amount, currency=product.price.currency)
            for product in await self._products(skus, headers, _Products[_Priced])
        }

    async def brands(self, skus: Sequence[str]) -> dict[str, str]:
        """The brands' ids of those of these articles that are sold, by sku.

        Args:
            skus: at most 100.

        Raises:
            Problem: 502, 503 or 504 when catalog gives no usable response.
        """
        return {
            product.sku: product.brand.id for product in await self._products(skus, [], _Products[_Branded])
        }

    async def has_brand(self, id_: str) -> bool:
        """Whether articles of a brand are sold.

        Raises:
            Problem: 502, 503 or 504 when catalog gives no usable response.
        """
        service = self._catalog.within(Context.of([], now() + self._call_timeout))
        try:
            return any(brand.id == id_ for brand in (await service.get("/brands", _Brands)).items)
        except UpstreamError as failure:
            raise failure.problem("catalog") from failure

    async def _products(
        self, skus: Sequence[str], headers: Headers, model: type[_Products[_Product]]
    ) -> list[_Product]:
        # No token: catalog is public, and it is of no account to it who wants to know.
        service = self._catalog.within(Context.of(headers, now() + self._call_timeout))
        query = urlencode([("sku", sku) for sku in skus])
        try:
            return (await service.get(f"/products?{query}", model)).items
        except UpstreamError as failure:
            raise failure.problem("catalog") from failure
