"""Clients over gRPC: what they send and read, by numbers and types of fields, and what descriptors offer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from frontispiece.contracts.schema import ANY_NAME, join
from frontispiece.contracts.upstreams.recording import Arguments, arguments_of, methods
from frontispiece.extras import extra

with extra("grpc"):
    from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
    from google.protobuf.descriptor_pool import Default
    from google.protobuf.message import Message
    from google.protobuf.message_factory import GetMessageClass

MAX_DEPTH = 8
"""Messages within messages that an example response has."""

TYPES = {
    getattr(FieldDescriptor, name): name.removeprefix("TYPE_").lower()
    for name in dir(FieldDescriptor)
    if name.startswith("TYPE_")
}


@dataclass(frozen=True, kw_only=True)
class GrpcCall:
    """A call of a client's method.

    Args:
        client: `Stars.load`.
        method: `stars.v1.Stars/List`.
        sends: number and type of every field of the request, such as `{"names": "1 repeated string"}`.
        reads: those of every field that is read of the response, by path.
    """

    client: str
    method: str
    sends: Mapping[str, str]
    reads: Mapping[str, str]


class _RecordingStub:
    """Stands for `GrpcStub`: answers with an example, and records what is read of it."""

    def __init__(self) -> None:
        self.calls: list[GrpcCall] = []
        self.client = ""

    async def call(self, method: str, request: Message) -> Any:
        found = _method(request.DESCRIPTOR, method)
        reads: dict[str, str] = {}
        self.calls.append(
            GrpcCall(
                client=self.client,
                method=f"{found.containing_service.full_name}/{found.name}",
                sends={field.name: text_of(field) for field, _ in request.ListFields()},
                reads=reads,
            )
        )
        response = GetMessageClass(found.output_type)()
        _fill(response, MAX_DEPTH)
        return _Reading(response, "", reads)


async def record_grpc(client: type, arguments: Arguments) -> list[GrpcCall]:
    """The calls of a gRPC client's methods."""
    stub = _RecordingStub()
    made = client(stub)
    for name, method in methods(client, made):
        stub.client = f"{client.__name__}.{name}"
        await method(**arguments_of(method, arguments.get(stub.client, {})))
    return stub.calls


def grpc_conflicts(call: Mapping[str, Any]) -> Iterator[str]:
    """The conflicts of a recorded call with the imported descriptors, in words."""
    service, _, name = call["method"].partition("/")
    try:
        method = Default().FindServiceByName(service).methods_by_name[name]
    except KeyError:
        yield f"{call['method']}: there is no such method"
        return
    for message, fields in ((method.input_type, call["sends"]), (method.output_type, call["reads"])):
        for path, text in fields.items():
            field = _field(message, path)
            if field is None:
                yield f"{call['method']}: {message.name} has no {path}"
            elif text_of(field) != text:
                yield f"{call['method']}: {message.name}.{path} is {text_of(field)}, and was {text}"


def text_of(field: FieldDescriptor) -> str:
    """A field's number and type: what goes over the wire."""
    return f"{field.number} {_type(field)}"


def _type(field: FieldDescriptor) -> str:
    message = field.message_type
    if message is not None and _is_map(field):
        names = message.fields_by_name
        return f"map<{_type(names['key'])}, {_type(names['value'])}>"
    kind = message.full_name if message is not None else TYPES[field.type]
    return f"repeated {kind}" if field.is_repeated else kind


def _method(request: Any, name: str) -> MethodDescriptor:
    found: MethodDescriptor = next(
        each.methods_by_name[name]
        for each in request.file.services_by_name.values()
        if name in each.methods_by_name
    )
    return found


def _field(within: Descriptor, path: str) -> FieldDescriptor | None:
    """The field at a path; `*` are the values of a map."""
    message: Descriptor | None = within
    field = None
    for step in path.split("."):
        if message is None:
            return None
        field = message.fields_by_name.get("value" if step == ANY_NAME else step)
        if field is None:
            return None
        message = field.message_type
    return field


def _is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def _fill(message: Any, depth: int) -> None:
    """Give every field of an example a value."""
    for field in message.DESCRIPTOR.fields if depth else ():
        value = getattr(message, field.name)
        if _is_map(field):
            kind = field.message_type.fields_by_name["value"]
            key = "a key" if field.message_type.fields_by_name["key"].type == field.TYPE_STRING else 1
            if kind.message_type:
                _fill(value[key], depth - 1)
            else:
                value[key] = _scalar(kind)
        elif field.message_type:
            _fill(value.add() if field.is_repeated else value, depth - 1)
        elif field.is_repeated:
            value.append(_scalar(field))
        else:
            setattr(message, field.name, _scalar(field))


def _scalar(field: FieldDescriptor) -> Any:
    return {field.CPPTYPE_STRING: b"" if field.type == field.TYPE_BYTES else "a text"}.get(field.cpp_type, 1)


class _Reading:
    """A message that records which of its fields are read."""

    def __init__(self, message: Any, path: str, reads: dict[str, str]) -> None:
        self._message = message
        self._path = path
        self._reads = reads

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._message, name)
        field = self._message.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            return value
        path = join(self._path, name)
        self._reads[path] = text_of(field)
        if _is_map(field):
            return {key: self._wrapped(each, join(path, ANY_NAME)) for key, each in value.items()}
        if field.is_repeated:
            return [self._wrapped(each, path) for each in value]
        return self._wrapped(value, path)

    def _wrapped(self, value: Any, path: str) -> Any:
        return _Reading(value, path, self._reads) if isinstance(value, Message) else value
