"""JSON to messages and back, as the JSON mapping of Protocol Buffers and google/api/http.proto have it."""

from collections.abc import Sequence
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

MAX_NAME: Final = 100
"""Characters of an unknown name that a problem repeats."""

UNREADABLE: Final = (json_format.Error, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What `json_format` raises: for an odd `Any` it is not its own `Error`."""

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
        document = _nested(method, fields)
        for path in dict.fromkeys(path for path, _ in fields):
            _clear(message, method.fields(path))
        json_format.ParseDict(document, message, descriptor_pool=pool)
    except UNREADABLE as error:
        raise Problem(
            422, "invalid-request", f"The request is no {method.takes.DESCRIPTOR.name}: {error}"
        ) from None
    return message


def json_of(message: Message, pool: DescriptorPool, field: str = "") -> bytes:
    """The JSON of a message, or of one of its fields; fields without a value are there, too.

    Raises:
        UNREADABLE: it has none, such as an `Any` of an unknown type.
    """
    document: Any = json_format.MessageToDict(
        message, always_print_fields_with_no_presence=True, descriptor_pool=pool
    )
    if field:
        document = document.get(message.DESCRIPTOR.fields_by_name[field].json_name)
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


def _clear(message: Message, fields: Sequence[FieldDescriptor]) -> None:
    """Remove what the last of these fields has, each within the one before."""
    *outer, last = fields
    for field in outer:
        if not message.HasField(field.name):
            return
        message = getattr(message, field.name)
    message.ClearField(last.name)


def _nested(method: Method, values: Fields) -> dict[str, Any]:
    """Values by path as objects within objects.

    Raises:
        ValueError: a field is not known, cannot stand in a query, or is there twice.
    """
    document: dict[str, Any] = {}
    for path, value in values:
        fields = method.fields(path)
        if not fields:
            raise ValueError(f"it has no field {path[:MAX_NAME]!r} that can be in a query")
        *outer, field = fields
        if field.message_type and field.message_type.GetOptions().map_entry:
            raise ValueError(f"{path} is a map, which stands in a body alone")
        here = document
        for each in outer:
            here = here.setdefault(each.name, {})
            if not isinstance(here, dict):
                raise ValueError(f"{path} is within what is there as a whole")  # noqa: TRY004 (as all others)
        if field.is_repeated:
            here.setdefault(field.name, []).append(_scalar(field, value))
        elif field.name in here:
            raise ValueError(f"{path} is there twice")
        else:
            here[field.name] = _scalar(field, value)
    return document


def _scalar(field: FieldDescriptor, value: str) -> Any:
    wraps_boolean = field.message_type and field.message_type.full_name == "google.protobuf.BoolValue"
    if field.cpp_type != FieldDescriptor.CPPTYPE_BOOL and not wraps_boolean:
        return value  # the JSON mapping reads numbers, enums, times and bytes from texts
    if value not in BOOLEANS:
        raise ValueError(f"{field.name} is true or false")
    return BOOLEANS[value]
