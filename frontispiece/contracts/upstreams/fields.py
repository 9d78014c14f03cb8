"""The fields of typed values, as text: `{"lines[].total": "integer | null, optional"}`."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct, inspect

from frontispiece.contracts.schema import ANY_NAME, join

OPTIONAL: Final = ", optional"
"""The end of a field's type that a response may leave out."""

NAMES: Final[tuple[tuple[type, str], ...]] = (
    (inspect.StrType, "string"),
    (inspect.BoolType, "boolean"),
    (inspect.IntType, "integer"),
    (inspect.FloatType, "number"),
    (inspect.DateTimeType, "date-time"),
    (inspect.ListType, "array"),
    (inspect.StructType, "object"),
    (inspect.DictType, "object"),
    (inspect.NoneType, "null"),
    (inspect.AnyType, "any"),
    (inspect.RawType, "any"),
)


def fields_of_type(shape: Any) -> Iterator[tuple[str, str]]:
    """The fields that decoding into a type reads; of a list, its items are `[]`."""
    yield from _fields(inspect.type_info(shape), "")


def fields_of_value(value: Any) -> Iterator[tuple[str, str]]:
    """The fields of a request's body."""
    if isinstance(value, Struct):
        yield from fields_of_type(type(value))
    else:
        for name, member in value.items():
            yield name, _text(inspect.type_info(type(member)))


def _fields(kind: inspect.Type, path: str) -> Iterator[tuple[str, str]]:
    for each in _alternatives(kind):
        match each:
            case inspect.StructType(fields=fields):
                for field in fields:
                    inner = join(path, field.encode_name)
                    yield inner, _text(field.type) + ("" if field.required else OPTIONAL)
                    yield from _fields(field.type, inner)
            case inspect.ListType(item_type=item):
                yield f"{path}[]", _text(item)
                yield from _fields(item, f"{path}[]")
            case inspect.DictType(value_type=value) if not isinstance(value, inspect.AnyType):
                yield join(path, ANY_NAME), _text(value)
                yield from _fields(value, join(path, ANY_NAME))


def _text(kind: inspect.Type) -> str:
    return " | ".join(_name(each) for each in _alternatives(kind))


def _alternatives(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


def _name(kind: inspect.Type) -> str:
    return next(name for cls, name in NAMES if isinstance(kind, cls))
