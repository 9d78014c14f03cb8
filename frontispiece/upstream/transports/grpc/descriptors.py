"""The methods of a descriptor set, by name and by the paths that `google.api.http` gives them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from frontispiece.errors import nearest
from frontispiece.extras import extra
from frontispiece.http.paths import decode_segment

with extra("grpc"):
    from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import DecodeError, Message
    from google.protobuf.message_factory import GetMessageClass

WHOLE: Final = "*"
"""The `body` of a binding whose body is the whole message."""

MAX_STEPS: Final = 16
"""Fields within each other that a path has."""

WELL_KNOWN: Final = "google.protobuf"
"""The package of types whose JSON is not that of their fields."""

BODILESS: Final = frozenset({"GET", "HEAD", "DELETE"})
"""HTTP methods whose requests have their fields in the query."""

Fields = Sequence[tuple[str, str]]
"""Paths of fields, such as `book.id`, with their values as text."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method that can be called with JSON: it takes one message.

    Args:
        path: `/package.Service/Method`, as gRPC has it.
        returns: the class of its response, or of each of its responses.
    """

    path: str
    takes: type[Message]
    returns: type[Message]
    is_streaming: bool

    def field(self, path: str) -> FieldDescriptor | None:
        """The field of the request at a path, such as `book.id`; None when there is none."""
        fields = self.fields(path)
        return fields[-1] if fields else None

    def fields(self, path: str) -> list[FieldDescriptor]:
        """The fields that lead to one of the request, and this; empty when there is none.

        Names are those of the descriptors, or those in JSON. Within lists, maps and the types of
        `google.protobuf` no field has a path.
        """
        names = path.split(".")
        message: Any = self.takes.DESCRIPTOR
        found: list[FieldDescriptor] = []
        for name in names if len(names) <= MAX_STEPS else ():
            field = (
                next((f for f in message.fields if name in {f.name, f.json_name}), None) if message else None
            )
            if field is None:
                return []
            found.append(field)
            message = field.message_type
            if field.is_repeated or (message and message.file.package == WELL_KNOWN):
                message = None
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """A method at a path.

    Args:
        body: the field that the body of the request is; `*` for the whole message, empty for none.
        response_body: the field that the body of the response is; empty for the whole message.
        fields: of the request, from the path.
    """

    method: Method
    body: str
    response_body: str = ""
    fields: Fields = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Binding:
    """One `google.api.http` rule of a method; its path is as the rule has it."""

    verb: str
    path: str
    pattern: re.Pattern[str]
    names: tuple[str, ...]
    bound: Bound

    def match(self, verb: str, path: str) -> Bound | None:
        """The method with the fields of this path; None when the rule is about others."""
        matches = self.verb in {verb, WHOLE} or (verb, self.verb) == ("HEAD", "GET")
        found = self.pattern.fullmatch(path) if matches else None
        if found is None:
            return None
        values = map(decode_segment, found.groups())
        return replace(self.bound, fields=[*zip(self.names, values, strict=True)])


@dataclass(frozen=True)
class Descriptors:
    """A `FileDescriptorSet`, as `protoc --include_imports --descriptor_set_out` writes it."""

    content: bytes

    def __post_init__(self) -> None:
        """Read the set.

        Raises:
            ValueError: it is none, or lacks files that its own import.
        """
        try:
            self.methods, self.bindings  # noqa: B018 (cached)
        except (DecodeError, KeyError, TypeError) as error:
            raise ValueError(
                f"it is no descriptor set with all its imports (protoc --include_imports): {error}"
            ) from None

    @cached_property
    def pool(self) -> DescriptorPool:
        """All types of the set."""
        pool = DescriptorPool()
        for file in self._files.file:
            pool.AddSerializedFile(file.SerializeToString())
        return pool

    @cached_property
    def methods(self) -> Mapping[str, Method]:
        """The methods that take one message, by path."""
        return {
            method.path: method
            for _, each in self._described
            if not each.client_streaming
            for method in [
                Method(
                    path=f"/{each.containing_service.full_name}/{each.name}",
                    takes=GetMessageClass(each.input_type),
                    returns=GetMessageClass(each.output_type),
                    is_streaming=each.server_streaming,
                )
            ]
        }

    @cached_property
    def streams(self) -> Mapping[str, bool]:
        """Whether each method has several messages, of its client or its server, by path."""
        return {
            f"/{each.containing_service.full_name}/{each.name}": written.client_streaming
            or written.server_streaming
            for written, each in self._described
        }

    def find(self, name: str) -> Method:
        """The method `Service.Method`, with or without the package.

        Raises:
            LookupError: there is none, or several; the message says which there are.
        """
        known = {path[1:].replace("/", "."): method for path, method in self.methods.items()}
        found = [method for full, method in known.items() if full == name or full.endswith(f".{name}")]
        if len(found) != 1:
            problem = f"there are several methods {name}" if found else f"there is no method {name}"
            raise LookupError(problem + (nearest(name, known) or f": there are {', '.join(sorted(known))}"))
        return found[0]

    def match(self, verb: str, path: str) -> Bound | None:
        """The method of an HTTP request: at its own path, or at one that `google.api.http` gives it."""
        if method := self.methods.get(path):
            return Bound(method=method, body="" if verb in BODILESS else WHOLE)
        return next((bound for each in self.bindings if (bound := each.match(verb, path))), None)

    @cached_property
    def _files(self) -> Any:
        return FileDescriptorSet.FromString(self.content)

    @property
    def _described(self) -> Iterator[tuple[MethodDescriptorProto, MethodDescriptor]]:
        for file in self._files.file:
            for service in file.service:
                described = self.pool.FindServiceByName(".".join(filter(None, (file.package, service.name))))
                for method in service.method:
                    yield method, described.methods_by_name[method.name]

    @cached_property
    def bindings(self) -> tuple[Binding, ...]:
        """The `google.api.http` rules of all methods."""
        try:
            extension: Any = self.pool.FindExtensionByName("google.api.http")
        except KeyError:  # no file of the set imports google/api/annotations.proto
            return ()
        options: Any = GetMessageClass(self.pool.FindMessageTypeByName("google.protobuf.MethodOptions"))
        bindings = []
        for written, each in self._described:
            method = self.methods.get(f"/{each.containing_service.full_name}/{each.name}")
            found = options.FromString(written.options.SerializeToString())
            if method is not None and found.HasExtension(extension):
                rule = found.Extensions[extension]
                rules = (rule, *rule.additional_bindings)
                bindings += [_binding(one, method) for one in rules if one.WhichOneof("pattern")]
        return tuple(bindings)


_VARIABLE: Final = re.compile(r"\{([A-Za-z_][\w.]*)(?:=([^}]+))?\}|\*\*|\*|[^{*]+")


def _binding(rule: Any, method: Method) -> Binding:
    """The rule's pattern: a path of literals, `*`, `**` and `{field=pattern}` (google/api/http.proto)."""
    kind = rule.WhichOneof("pattern")
    verb, path = (
        (rule.custom.kind, rule.custom.path) if kind == "custom" else (kind.upper(), getattr(rule, kind))
    )
    names = []
    pieces = []
    for piece in _VARIABLE.finditer(path):
        if piece[1]:
            names.append(piece[1])
            pieces.append(f"({_segments(piece[2] or '*')})")
        else:
            pieces.append(_segments(piece[0]))
    named = [*names, *([rule.body] if rule.body not in {"", WHOLE} else [])]
    unknown = [name for name in named if method.field(name) is None]
    if rule.response_body and rule.response_body not in method.returns.DESCRIPTOR.fields_by_name:
        unknown.append(rule.response_body)
    if unknown:
        raise ValueError(
            f"the google.api.http option of {method.path} names {', '.join(unknown)}: no such field"
        )
    return Binding(
        verb=verb,
        path=path,
        pattern=re.compile("".join(pieces)),
        names=tuple(names),
        bound=Bound(method=method, body=rule.body, response_body=rule.response_body),
    )


def _segments(pattern: str) -> str:
    """A regular expression for the segments that a pattern without variables stands for."""
    pieces = re.split(r"(\*\*|\*)", pattern)
    return "".join({"**": ".+", "*": "[^/]+"}.get(piece) or re.escape(piece) for piece in pieces)
