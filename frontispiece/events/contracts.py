"""The messages of services, by the classes of data that each declares, and where these disagree."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from msgspec import inspect
from msgspec.inspect import Type

from frontispiece.events.envelope import CommandData, EventData

Declared = Mapping[str, Iterable[type[EventData]]]
"""The classes of data of each service, by the service's name."""

OBJECTS: Final = inspect.StructType, inspect.DataclassType, inspect.TypedDictType, inspect.NamedTupleType
ARRAYS: Final = (
    inspect.ListType,
    inspect.VarTupleType,
    inspect.SetType,
    inspect.FrozenSetType,
    inspect.CollectionType,
)


def declared_in(module: ModuleType) -> list[type[EventData]]:
    """The classes of data that a module declares, in its order."""
    return [
        found
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, EventData)
        and found.__module__ == module.__name__
        and hasattr(found, "TYPE")
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A type of event or command.

    Args:
        owner: the service in its type: it publishes the event, or carries out the command.
        data: as its owner declares it.
        others: as the services declare it that consume the event, or send the command.
    """

    owner: str
    data: type[EventData]
    others: Mapping[str, type[EventData]]

    @property
    def is_command(self) -> bool:
        """Whether its owner carries it out."""
        return issubclass(self.data, CommandData)


def messages(declared: Declared) -> list[Message]:
    """Every type that its owner declares, in the order of their names."""
    by_type: dict[str, dict[str, type[EventData]]] = {}
    for service, classes in declared.items():
        for data in classes:
            by_type.setdefault(data.TYPE, {})[service] = data
    found = []
    for name, services in sorted(by_type.items()):
        owner = name.split(".")[1]
        if owner in services:
            others = {service: data for service, data in services.items() if service != owner}
            found.append(Message(owner=owner, data=services[owner], others=others))
    return found


def disagreements(declared: Declared) -> list[str]:
    """The fields that a consumer reads and no publisher sends; a sentence each."""
    known = messages(declared)
    owned = {message.data.TYPE for message in known}
    errors = [
        f"{service}: {data.TYPE} is not declared by {data.TYPE.split('.')[1]}"
        for service, classes in declared.items()
        for data in classes
        if data.TYPE not in owned
    ]
    for message in known:
        for service, data in message.others.items():
            sender, sent = (service, data) if message.is_command else (message.owner, message.data)
            reader, read = (message.owner, message.data) if message.is_command else (service, data)
            errors += [
                f"{message.data.TYPE} from {sender} to {reader}: {error}" for error in _differ(sent, read)
            ]
    return errors


def _differ(sent: type[EventData], read: type[EventData]) -> Iterator[str]:
    if issubclass(sent, CommandData) != issubclass(read, CommandData):
        yield "it is a command in one and an event in the other"
    if read.VERSION < sent.VERSION:
        yield f"version {sent.VERSION} is sent, and read up to {read.VERSION}"
    yield from _unreadable(inspect.type_info(sent), inspect.type_info(read), "data")


def _unreadable(sent: Type, read: Type, place: str) -> Iterator[str]:
    """Why what is sent cannot be read; constraints of values are left to the reader."""
    sent, read = _bare(sent), _bare(read)
    if isinstance(read, inspect.AnyType) or sent == read:
        return
    if isinstance(sent, inspect.UnionType):
        for each in sent.types:
            yield from _unreadable(each, read, place)
    elif isinstance(read, inspect.UnionType):
        if all(list(_unreadable(sent, each, place)) for each in read.types):
            yield f"{place}: {_name(sent)} is none of {', '.join(map(_name, read.types))}"
    elif isinstance(sent, OBJECTS) and isinstance(read, OBJECTS):
        yield from _unreadable_fields(sent, read, place)
    elif isinstance(sent, ARRAYS) and isinstance(read, ARRAYS):
        yield from _unreadable(sent.item_type, read.item_type, f"{place}[]")
    elif isinstance(sent, inspect.DictType) and isinstance(read, inspect.DictType):
        yield from _unreadable(sent.value_type, read.value_type, f"{place}{{}}")
    elif not _is_readable(sent, read):
        yield f"{place}: {_name(sent)} is sent, {_name(read)} is read"


def _unreadable_fields(sent: Any, read: Any, place: str) -> Iterator[str]:
    fields = {field.encode_name: field for field in sent.fields}
    for field in read.fields:
        where = f"{place}.{field.encode_name}"
        if (source := fields.get(field.encode_name)) is None:
            yield f"{where}: it is read, and not sent"
        else:
            yield from _unreadable(source.type, field.type, where)


def _is_readable(sent: Type, read: Type) -> bool:
    """Whether a value of the one type, neither an object nor an array, is also one of the other."""
    if isinstance(sent, inspect.LiteralType):
        if isinstance(read, inspect.LiteralType):
            return set(sent.values) <= set(read.values)
        return all(isinstance(read, _PLAIN[type(value)]) for value in sent.values)
    return type(sent) is type(read) or (
        isinstance(sent, inspect.IntType) and isinstance(read, inspect.FloatType)
    )


_PLAIN: Final[Mapping[type, type[Type]]] = {str: inspect.StrType, int: inspect.IntType}


def _bare(described: Type) -> Type:
    """A type without what describes it."""
    return _bare(described.type) if isinstance(described, inspect.Metadata) else described


def _name(described: Type) -> str:
    if isinstance(described, inspect.LiteralType):
        return " | ".join(map(repr, described.values))
    return type(described).__name__.removesuffix("Type").lower()
