"""JSON to messages and back, as the JSON mapping of Protocol Buffers and google/api/http.proto have it."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from frontispiece.extras import extra
from frontispiece.http.json_nesting import is_nested_too_deeply
from frontispiece.http.problems import Problem
from frontispiece.upstream.transports.grpc.descriptors import WHOLE, Bound, Fields, Method

with extra("grpc"):
    from google.protobuf import json_format
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import Message

MAX_DEPTH: Final = 64
"""Objects and lists within each other in a body."""

BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def message_of(bound: Bound, query: str, body: bytes, pool: DescriptorPool) -> Message:
    """The message of a request: its body, then the fields of its query and path, which nothing overrides.

    Raises:
        Problem: 422, it is none.
    """
    method = bound.method
    try:
        message = _of_body(bound, body, pool) if bound.body else method.takes()
        fields = [*bound.fields, *parse_qsl(query, keep_blank_values=True, errors="strict")]
        for path in dict.fromkeys(path for path, _ in fields):
            _clear(message, path.split("."))
        json_format.ParseDict(_nested(method, fields), message, descriptor_pool=pool)
    except (json_format.Error, ValueError, TypeError, RecursionError) as error:
        raise Problem(
            422, "invalid-request", f"The request is no {method.takes.DESCRIPTOR.name}: {error}"
        ) from None
    return message


def json_of(message: Message, pool: DescriptorPool, field: str = "") -> bytes:
    """The JSON of a message, or of one of its fields; fields without a value are there, too.

    Raises:
        ValueError, TypeError: it has none, such as an `Any` of an unknown type.
    """
    document = json_format.MessageToDict(
        message, always_print_fields_with_no_presence=True, descriptor_pool=pool
    )
    if field:
        document = document[message.DESCRIPTOR.fields_by_name[field].json_name]
    return msgspec.json.encode(document)


def _of_body(bound: Bound, body: bytes, pool: DescriptorPool) -> Message:
    if is_nested_too_deeply(body, MAX_DEPTH):
        raise ValueError(f"its body has more than {MAX_DEPTH} objects and lists within each other")
    document = msgspec.json.decode(body) if body else {}
    if bound.body != WHOLE:
        document = {bound.body: document}
    elif not isinstance(document, dict):
        raise ValueError("its body is no JSON object")
    message: Message = json_format.ParseDict(document, bound.method.takes(), descriptor_pool=pool)
    return message


def _clear(message: Message, names: list[str]) -> None:
    """Remove what the field at a path has."""
    *outer, last = names
    for name in outer:
        field = _named(message, name)
        if (
            field is None
            or field.message_type is None
            or field.is_repeated
            or not message.HasField(field.name)
        ):
            return
        message = getattr(message, field.name)
    if field := _named(message, last):
        message.ClearField(field.name)


def _named(message: Message, name: str) -> Any:
    """The field of this name, or of this name in JSON; None when there is none."""
    return next((each for each in message.DESCRIPTOR.fields if name in {each.name, each.json_name}), None)


def _nested(method: Method, fields: Fields) -> dict[str, Any]:
    """Values by path as objects within objects.

    Raises:
        ValueError: a field is not known, cannot stand in a query, or is there twice.
    """
    document: dict[str, Any] = {}
    for path, value in fields:
        field = method.field(path)
        if field is None:
            raise ValueError(f"it has no field {path!r}")
        if field.message_type and field.message_type.GetOptions().map_entry:
            raise ValueError(f"{path} is a map, which stands in a body alone")
        *outer, last = _names(method, path)
        here = document
        for name in outer:
            here = here.setdefault(name, {})
            if not isinstance(here, dict):
                raise ValueError(f"{path} is within a list")  # noqa: TRY004 (one type for all that is refused)
        if field.is_repeated:
            here.setdefault(last, []).append(_scalar(field, value))
        elif last in here:
            raise ValueError(f"{path} is there twice")
        else:
            here[last] = _scalar(field, value)
    return document


def _names(method: Method, path: str) -> Iterator[str]:
    """The names of a path's fields as the descriptors have them, so that no field has two."""
    pieces = path.split(".")
    for number in range(len(pieces)):
        field = method.field(".".join(pieces[: number + 1]))
        assert field is not None, "the whole path leads to a field"
        yield field.name


def _scalar(field: FieldDescriptor, value: str) -> Any:
    if field.cpp_type != FieldDescriptor.CPPTYPE_BOOL:
        return value  # the JSON mapping reads numbers, enums, times and bytes from texts
    if value not in BOOLEANS:
        raise ValueError(f"{field.name} is true or false")
    return BOOLEANS[value]
