"""Clients over gRPC against descriptors, by numbers and types."""

from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass

from frontispiece.contracts.upstreams import conflicts, upstream_calls
from frontispiece.upstream import GrpcService, GrpcStub

FILE = descriptor_pb2.FileDescriptorProto(name="stars_contract.proto", package="stars.v1", syntax="proto3")


def pool() -> Any:
    """The descriptors of a service of stars, in the pool of all."""
    try:
        return Default().FindFileByName(FILE.name)
    except KeyError:
        kinds = descriptor_pb2.FieldDescriptorProto
        star = FILE.message_type.add(name="Star")
        star.field.add(name="name", number=1, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
        star.field.add(name="magnitude", number=4, type=kinds.TYPE_INT32, label=kinds.LABEL_OPTIONAL)
        request = FILE.message_type.add(name="ListRequest")
        request.field.add(name="names", number=2, type=kinds.TYPE_STRING, label=kinds.LABEL_REPEATED)
        response = FILE.message_type.add(name="ListResponse")
        response.field.add(
            name="stars",
            number=3,
            type=kinds.TYPE_MESSAGE,
            label=kinds.LABEL_REPEATED,
            type_name=".stars.v1.Star",
        )
        service = FILE.service.add(name="Stars")
        service.method.add(
            name="List", input_type=".stars.v1.ListRequest", output_type=".stars.v1.ListResponse"
        )
        Default().Add(FILE)
        return Default().FindFileByName(FILE.name)


class Stars:
    """The stars."""

    def __init__(self, service: GrpcStub) -> None:
        self._service = service

    async def magnitudes(self, name: str) -> list[int]:
        request = GetMessageClass(pool().message_types_by_name["ListRequest"])(names=[name])
        response = await self._service.call("List", request)
        return [star.magnitude for star in response.stars]


async def recorded() -> dict[str, Any]:
    return await upstream_calls("pages", {Stars: GrpcService("stars", lambda channel: channel)}, {})


async def test_a_call_has_the_numbers_and_types_of_what_is_sent_and_read() -> None:
    contract = await recorded()

    assert contract["services"] == {
        "stars": {
            "grpc": [
                {
                    "client": "Stars.magnitudes",
                    "method": "stars.v1.Stars/List",
                    "sends": {"names": "2 repeated string"},
                    "reads": {"stars": "3 repeated stars.v1.Star", "stars.magnitude": "4 int32"},
                }
            ]
        }
    }
    assert conflicts(contract, lambda _: None) == {"stars": []}


@pytest.mark.parametrize(
    ("part", "change", "conflict"),
    [
        ("method", "stars.v1.Stars/Count", "stars.v1.Stars/Count: there is no such method"),
        ("method", "moons.v1.Moons/List", "moons.v1.Moons/List: there is no such method"),
        (
            "sends",
            {"names": "1 repeated string"},
            "stars.v1.Stars/List: ListRequest.names is 2 repeated string, and was 1 repeated string",
        ),
        (
            "reads",
            {"stars.magnitude": "4 string"},
            "stars.v1.Stars/List: ListResponse.stars.magnitude is 4 int32, and was 4 string",
        ),
        ("reads", {"stars.colour": "5 string"}, "stars.v1.Stars/List: ListResponse has no stars.colour"),
    ],
)
async def test_another_number_or_type_and_a_missing_field_are_named(
    part: str, change: object, conflict: str
) -> None:
    contract = await recorded()
    contract["services"]["stars"]["grpc"][0][part] = change

    assert conflicts(contract, lambda _: None) == {"stars": [f"Stars.magnitudes, {conflict}"]}
