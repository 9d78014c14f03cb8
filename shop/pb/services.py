"""The services of the gRPC contracts, by their descriptors: stubs for callers, and servers."""

from collections.abc import Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, Final

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from shop.pb import catalog_pb2, discount_pb2

CATALOG: Final = catalog_pb2.DESCRIPTOR.services_by_name["Catalog"]
DISCOUNTS: Final = discount_pb2.DESCRIPTOR.services_by_name["Discounts"]


def _stub(service: ServiceDescriptor, channel: Any) -> Any:
    """The methods of a service over a channel, by their names."""
    return SimpleNamespace(
        **{
            method.name: channel.unary_unary(
                f"/{service.full_name}/{method.name}",
                request_serializer=GetMessageClass(method.input_type).SerializeToString,
                response_deserializer=GetMessageClass(method.output_type).FromString,
            )
            for method in service.methods
        }
    )


CatalogStub: Final = partial(_stub, CATALOG)
DiscountsStub: Final = partial(_stub, DISCOUNTS)


def create_server(
    service: ServiceDescriptor, servicer: object, interceptors: Sequence[grpc.aio.ServerInterceptor] = ()
) -> grpc.aio.Server:
    """A server of a service, not yet listening; made in the event loop that it runs in.

    Args:
        service: whose methods are served.
        servicer: has the methods by their names; without one, a call of it is UNIMPLEMENTED.
        interceptors: the outermost first.
    """
    # Without so_reuseport=0 two servers could listen on one port and take turns, instead of a clear failure.
    server = grpc.aio.server(interceptors=interceptors, options=[("grpc.so_reuseport", 0)])
    handlers = {
        method.name: grpc.unary_unary_rpc_method_handler(
            getattr(servicer, method.name),
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )
        for method in service.methods
        if hasattr(servicer, method.name)
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    return server
