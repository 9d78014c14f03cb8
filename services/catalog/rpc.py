"""Catalog over gRPC: the batch read, for callers that have many products to read."""
# ruff: noqa: N802 (the calls are named as in catalog.proto)

from collections.abc import Sequence
from typing import Any, Final

import grpc

from frontispiece.http import Problem
from frontispiece.security import Verifier
from frontispiece.service import RpcInterceptor
from services.catalog.model import Named, Product
from services.catalog.schemas import ProductAnswer
from services.catalog.store import Store
from shop.pb import catalog_pb2 as pb
from shop.pb.services import CATALOG, create_server

MAX_SKUS: Final = 100
SKU_LENGTHS: Final = range(1, 65)

PUBLIC: Final = frozenset({"ListProducts"})
"""The methods that need no token."""

Context = grpc.aio.ServicerContext[Any, Any]


def server_of(
    store: Store, verifier: Verifier, outermost: Sequence[grpc.aio.ServerInterceptor] = ()
) -> grpc.aio.Server:
    """A server of these products; `outermost` are interceptors such as tracing."""
    guard = RpcInterceptor(verifier, public=PUBLIC, problems={})
    return create_server(CATALOG, Rpc(store), [*outermost, guard])


class Rpc:
    """The methods of `catalog.proto`; `RpcInterceptor` turns their exceptions into status codes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ListProducts(
        self, request: pb.ListProductsRequest, _context: Context
    ) -> pb.ListProductsResponse:
        """Products by sku, in the order of the request."""
        skus = list(dict.fromkeys(request.skus))
        if not 1 <= len(skus) <= MAX_SKUS or not all(len(sku) in SKU_LENGTHS for sku in skus):
            raise Problem(422, "invalid-request", f"skus are 1 to {MAX_SKUS}, each of 1 to 64 characters")
        found = await self._store.find(skus, min_position=request.min_position)
        return pb.ListProductsResponse(
            items=[_message(found[sku].product) for sku in skus if sku in found],
            unknown=[sku for sku in skus if sku not in found],
        )


def _message(product: Product) -> pb.Product:
    message = pb.Product(
        sku=product.sku,
        name=product.name,
        description=product.description,
        brand=_named(product.brand),
        type=_named(product.type),
        price=pb.Money(amount=product.price.amount, currency=product.price.currency),
        related=product.related,
        images=[
            pb.Image(
                alt=image.alt,
                variants=[
                    pb.Variant(url=each.url, width=each.width, height=each.height, format=each.format)
                    for each in image.variants
                ],
            )
            for image in ProductAnswer.of(product).images
        ],
    )
    message.attributes.update(product.attributes)
    return message


def _named(named: Named) -> pb.Named:
    return pb.Named(id=named.id, name=named.name)
