"""The OpenAPI description of a service over gRPC, from its descriptors: what is called with JSON."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from frontispiece.extras import extra
from frontispiece.gateway.policies.request_validation.document import Document
from frontispiece.service.openapi import add_problems
from frontispiece.upstream.transports.grpc.descriptors import (
    BODILESS,
    WELL_KNOWN,
    WHOLE,
    Binding,
    Bound,
    Descriptors,
)

with extra("grpc"):
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

Json = dict[str, Any]

METHODS: Final = ("GET", "DELETE", "POST", "PUT", "PATCH")
"""The HTTP methods that a route may have for a method of gRPC."""

MAX_DEPTH: Final = 3
"""Messages within messages whose fields are in a query."""

_INTEGER: Final[Json] = {"type": "integer", "format": "int32"}
_UNSIGNED: Final[Json] = {**_INTEGER, "minimum": 0, "format": "uint32"}
_LONG: Final[Json] = {"type": "string", "pattern": "^-?[0-9]+$"}
_NUMBER: Final[Json] = {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
_TEXT: Final[Json] = {"type": "string"}
_BYTES: Final[Json] = {"type": "string", "contentEncoding": "base64"}
_FLAG: Final[Json] = {"type": "boolean"}

SCALARS: Final[Mapping[int, Json]] = {
    FieldDescriptor.CPPTYPE_INT32: _INTEGER,
    FieldDescriptor.CPPTYPE_UINT32: _UNSIGNED,
    FieldDescriptor.CPPTYPE_INT64: _LONG,
    FieldDescriptor.CPPTYPE_UINT64: _LONG,
    FieldDescriptor.CPPTYPE_FLOAT: _NUMBER,
    FieldDescriptor.CPPTYPE_DOUBLE: _NUMBER,
    FieldDescriptor.CPPTYPE_BOOL: _FLAG,
    FieldDescriptor.CPPTYPE_STRING: _TEXT,
}
"""The JSON of each scalar type but bytes."""

WELL_KNOWN_TYPES: Final[Mapping[str, Json]] = {
    "Timestamp": {"type": "string", "format": "date-time"},
    "Duration": {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?s$"},
    "FieldMask": _TEXT,
    "Struct": {"type": "object"},
    "ListValue": {"type": "array"},
    "Value": {},
    "Any": {"type": "object"},
    "Empty": {"type": "object"},
    "BoolValue": _FLAG,
    "StringValue": _TEXT,
    "BytesValue": _BYTES,
    "Int32Value": _INTEGER,
    "UInt32Value": _UNSIGNED,
    "Int64Value": _LONG,
    "UInt64Value": _LONG,
    "FloatValue": _NUMBER,
    "DoubleValue": _NUMBER,
}
"""The JSON of the types of `google.protobuf`, which is not that of their fields."""

NOT_IN_QUERY: Final = frozenset({"Struct", "ListValue", "Value", "Any", "Empty"})

_VARIABLE: Final = re.compile(r"\{([A-Za-z_][\w.]*)(?:=([^}]+))?\}")


@lru_cache(maxsize=32)
def description(descriptors: Descriptors) -> Document:
    """The methods at their own paths, by each HTTP method, and at those of their `google.api.http` rules."""
    return Document(msgspec.json.encode(_Description(descriptors).document))


class _Description:
    def __init__(self, descriptors: Descriptors) -> None:
        self._comments = dict(_comments(descriptors))
        self._schemas: Json = {}
        paths: Json = {}
        for method in descriptors.methods.values():
            for verb in METHODS:
                bound = Bound(method=method, body="" if verb in BODILESS else WHOLE)
                paths.setdefault(method.path, {})[verb.lower()] = self._operation(bound, {})
        for binding in descriptors.bindings:
            template, fields = _template(binding)
            for verb in METHODS if binding.verb == WHOLE else (binding.verb,):
                paths.setdefault(template, {})[verb.lower()] = self._operation(binding.bound, fields)
        self.document: Json = {"openapi": "3.1.0", "paths": paths}
        add_problems(self.document)
        self.document["components"]["schemas"] |= self._schemas

    def _operation(self, bound: Bound, in_path: Mapping[str, str]) -> Json:
        """An operation; `in_path` has the field of each placeholder."""
        method = bound.method
        found: Json = {
            **self._comment(method.path[1:].replace("/", "."), "summary"),
            "parameters": [
                {
                    "name": name,
                    "in": "path",
                    "required": True,
                    "schema": self._field(field) if field else _TEXT,
                }
                for name, field in ((name, method.field(path)) for name, path in in_path.items())
            ],
            "responses": {
                "200": {"description": "Its response.", "content": self._content(bound)},
                "4XX": {"$ref": "#/components/responses/Problem", "description": "It is refused."},
            },
        }
        if bound.body != WHOLE:
            taken = {*in_path.values(), bound.body}
            found["parameters"] += self._query(method.takes.DESCRIPTOR, taken)
        if bound.body:
            field = method.field(bound.body) if bound.body != WHOLE else None
            schema = self._field(field) if field else self._message(method.takes.DESCRIPTOR)
            found["requestBody"] = {"content": {"application/json": {"schema": schema}}}
        return found

    def _content(self, bound: Bound) -> Json:
        returns = bound.method.returns.DESCRIPTOR
        one = bound.response_body
        schema = self._field(returns.fields_by_name[one]) if one else self._message(returns)
        kinds = ["application/x-ndjson", "text/event-stream"] if bound.method.is_streaming else []
        return {kind: {"schema": schema} for kind in kinds or ["application/json"]}

    def _query(self, message: Any, taken: set[str], outer: tuple[Any, ...] = ()) -> Iterator[Json]:
        """The fields that may stand in a query, those of messages within as `author.fullName`."""
        above = {message, *(each.message_type for each in outer)}
        for field in message.fields:
            inner, path = field.message_type, (*outer, field)
            if ".".join(each.name for each in path) in taken or _is_map(field):
                continue
            is_odd = inner is not None and inner.file.package == WELL_KNOWN
            if inner is None or (is_odd and inner.name not in NOT_IN_QUERY):
                name = ".".join(each.json_name for each in path)
                schema = self._field(field)
                yield {"name": name, "in": "query", "schema": schema, **self._comment(field.full_name)}
            elif not (is_odd or field.is_repeated or inner in above or len(outer) == MAX_DEPTH):
                yield from self._query(inner, taken, path)

    def _field(self, field: Any) -> Json:
        if _is_map(field):
            return {
                "type": "object",
                "additionalProperties": self._field(field.message_type.fields_by_name["value"]),
            }
        one = self._one(field)
        return {"type": "array", "items": one} if field.is_repeated else one

    def _one(self, field: Any) -> Json:
        if field.message_type is not None:
            return self._message(field.message_type)
        if field.enum_type is not None:
            return {"type": "string", "enum": [value.name for value in field.enum_type.values]}
        return _BYTES if field.type == FieldDescriptor.TYPE_BYTES else SCALARS[field.cpp_type]

    def _message(self, message: Any) -> Json:
        """The schema of a message, by reference, unless it is one of `google.protobuf`."""
        if message.file.package == WELL_KNOWN and message.name in WELL_KNOWN_TYPES:
            return WELL_KNOWN_TYPES[message.name]
        name = message.full_name
        if name not in self._schemas:
            self._schemas[name] = schema = {"type": "object", **self._comment(name), "properties": {}}
            for field in message.fields:
                schema["properties"][field.json_name] = {
                    **self._field(field),
                    **self._comment(field.full_name),
                }
        return {"$ref": f"#/components/schemas/{name}"}

    def _comment(self, name: str, key: str = "description") -> Json:
        """The comment on what has this full name, where the set has comments."""
        text = self._comments.get(name)
        return {key: text} if text else {}


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _template(binding: Binding) -> tuple[str, dict[str, str]]:
    """The path of a rule as OpenAPI has it, and the field of each placeholder: `{name=shelves/*}` has one."""
    fields: dict[str, str] = {}

    def placeholders(found: re.Match[str]) -> str:
        pieces = []
        for piece in (found[2] or "*").split("/"):
            if piece not in {"*", "**"}:
                pieces.append(piece)
                continue
            name = found[1].replace(".", "_") + (str(len(fields) + 1) if fields else "")
            fields[name] = found[1]
            pieces.append(f"{{{name}:path}}" if piece == "**" else f"{{{name}}}")
        return "/".join(pieces)

    return _VARIABLE.sub(placeholders, binding.path), fields


def _comments(descriptors: Descriptors) -> Iterator[tuple[str, str]]:
    """The comments of the set, by the full names of what they are on."""
    for file in FileDescriptorSet.FromString(descriptors.content).file:
        for location in file.source_code_info.location:
            if not location.leading_comments or len(location.path) % 2:
                continue
            node: Any = file
            names = [file.package] if file.package else []
            for kind, index in zip(location.path[::2], location.path[1::2], strict=True):
                node = getattr(node, node.DESCRIPTOR.fields_by_number[kind].name)[index]
                names.append(getattr(node, "name", ""))
            yield ".".join(names), " ".join(location.leading_comments.split())
