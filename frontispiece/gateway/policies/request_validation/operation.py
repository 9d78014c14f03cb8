"""One described operation, and how a request violates it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self
from urllib.parse import parse_qsl

import msgspec

from frontispiece.gateway.call import Call
from frontispiece.gateway.dropped_headers import is_dropped
from frontispiece.gateway.policies.request_validation.document import Document, UnusableDescription
from frontispiece.http.json_nesting import MAX_DEPTH, is_nested_too_deeply
from frontispiece.http.media_types import is_json, media_type

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator as Validator

MAX_QUERY_FIELDS: Final = 1000

MAX_MESSAGE: Final = 300

TRUE: Final = frozenset({"true", "1", "on", "yes"})
FALSE: Final = frozenset({"false", "0", "off", "no"})
"""The booleans of services' frameworks."""

STYLES: Final = {"query": "form", "path": "simple", "header": "simple"}
"""The parameters that are checked, and their only style that is."""

IGNORED_HEADERS: Final = frozenset({"accept", "content-type", "authorization", "tracestate"})
"""Headers whose descriptions have no meaning (OpenAPI 3.1.1, 4.8.12.1), or none for clients."""

UNIQUE_HEADERS: Final = (b"content-type", b"content-encoding")
"""Headers of which a service may read another one than is read here, if there are several."""

_INTEGER = re.compile(r"-?[0-9]{1,100}")
_NUMBER = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?")


class Violation(NamedTuple):
    """One thing that does not fit the description: where, as a path of steps, and what."""

    at: list[str]
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A value in the path, the query or a header."""

    name: str
    where: str
    required: bool
    explode: bool
    validator: "Validator"

    def violations(self, values: Sequence[str]) -> Iterator[Violation]:
        """What is wrong with the values of a request."""
        if not values:
            if self.required:
                yield Violation([self.where, self.name], "it is required")
            return
        readings = list(_readings(values[0])) if len(values) == 1 else []
        items = values if self.explode or len(values) > 1 else values[0].split(",")
        readings += _list_readings(items)
        for at, message in _validate(self.validator, readings):
            yield Violation([self.where, self.name, *at], message)


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """The media types of body that an operation accepts; those without a validator are not checked."""

    required: bool
    media_types: Mapping[str, "Validator | None"]

    def media_type(self, call: Call) -> str | None:
        """Which of the media types the body of a call has."""
        declared = media_type(_content_type(call)).lower()
        family = declared.partition("/")[0] + "/*"
        return next((name for name in (declared, family, "*/*") if name in self.media_types), None)

    def reads(self, call: Call) -> bool:
        """Whether the body of a call has to be read whole."""
        media_type = self.media_type(call)
        return media_type is not None and self.media_types[media_type] is not None and _is_json(call)

    def violations(self, call: Call) -> Iterator[Violation]:
        """What is wrong with the body of a call."""
        if call.body == b"":
            if self.required:
                yield Violation(["body"], "it is required")
            return
        for name in UNIQUE_HEADERS:
            if sum(known == name for known, _ in call.headers) > 1:
                yield Violation(["header", name.decode()], "it is there more than once")
                return
        media_type = self.media_type(call)
        if media_type is None:
            yield Violation(["header", "content-type"], f"it is none of {', '.join(self.media_types)}")
            return
        validator = self.media_types[media_type]
        if validator is None or not isinstance(call.body, bytes) or not _is_json(call):
            return
        if call.header(b"content-encoding") not in {None, b"identity"}:
            yield Violation(["header", "content-encoding"], "the body must not be encoded")
            return
        try:
            value = _decoded(call.body)
        except ValueError as error:
            yield Violation(["body"], str(error))
            return
        for at, message in _validate(validator, [value]):
            yield Violation(["body", *at], message)


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """What a service accepts at one path, by one method."""

    parameters: tuple[Parameter, ...]
    body: Body | None

    @classmethod
    def compile(cls, document: Document, operation: dict[str, Any], path_parameters: list[Any]) -> Self:
        """Compile an operation of the document.

        Raises:
            UnusableDescription: its description is invalid.
        """
        own = operation.get("parameters", [])
        if not isinstance(own, list):
            raise UnusableDescription("its parameters are not a list")
        resolved = [document.resolve(each) for each in [*path_parameters, *own]]
        latest = {(str(each.get("in")), str(each.get("name"))): each for each in resolved}
        parameters = [_parameter(document, *key, each) for key, each in latest.items()]
        body = operation.get("requestBody")
        return cls(
            parameters=tuple(parameter for parameter in parameters if parameter),
            body=None if body is None else _body(document, document.resolve(body)),
        )

    def violations(self, call: Call, path: Mapping[str, Sequence[str]]) -> Iterator[Violation]:
        """Everything in a call that does not fit; the body only when it has been read."""
        try:
            query = _query(call.query)
        except ValueError as error:  # UnicodeDecodeError is one
            yield Violation(["query"], f"it cannot be read: {error}")
            return
        for parameter in self.parameters:
            if parameter.where == "query":
                values = query.get(parameter.name, [])
            elif parameter.where == "path":
                values = list(path.get(parameter.name, ()))
            else:
                name = parameter.name.lower().encode("latin-1", "replace")
                fields = [value.decode("latin-1") for known, value in call.headers if known == name]
                values = [",".join(fields)] if fields else []
            yield from parameter.violations(values)
        if self.body:
            yield from self.body.violations(call)


def is_from_client(header: str) -> bool:
    """Whether the description of a header has a meaning for clients of the gateway."""
    lower = header.lower()
    return lower not in IGNORED_HEADERS and not is_dropped(lower.encode("latin-1", "replace"))


def _parameter(document: Document, where: str, name: str, source: dict[str, Any]) -> Parameter | None:
    """A parameter, None for one that is not checked."""
    style = source.get("style", STYLES.get(where))
    if where not in STYLES or style != STYLES[where] or "schema" not in source:
        return None
    if where == "header" and not is_from_client(name):
        return None
    if _is_object(document, source["schema"]):
        return None
    return Parameter(
        name=name,
        where=where,
        required=source.get("required") is True,
        explode=source.get("explode", where == "query") is True,
        validator=document.validator(source["schema"]),
    )


def _is_object(document: Document, schema: object) -> bool:
    """Whether this is an object, whose members are spread over a query by rules that are not implemented."""
    if not isinstance(schema, dict):
        return False
    resolved = document.resolve(schema)
    return resolved.get("type") == "object" or "properties" in resolved


def _body(document: Document, source: dict[str, Any]) -> Body:
    content = source.get("content", {})
    if not isinstance(content, dict):
        raise UnusableDescription("the content of a body is not an object")
    media_types = {}
    for name, media in content.items():
        schema = media.get("schema") if isinstance(media, dict) else None
        plain = media_type(name).lower()
        is_checked = schema is not None and (is_json(plain) or plain.endswith("/*"))
        media_types[plain] = document.validator(schema) if is_checked else None
    return Body(required=source.get("required") is True, media_types=media_types or {"*/*": None})


def _decoded(body: bytes) -> object:
    """A body in JSON.

    Raises:
        ValueError: it is none, or one that is nested too deeply for validators; the message says so.
    """
    if is_nested_too_deeply(body):
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"it cannot be read as JSON: {error}") from None


def _content_type(call: Call) -> str:
    return (call.header(b"content-type") or b"").decode("latin-1")


def _is_json(call: Call) -> bool:
    return is_json(_content_type(call))


def _query(raw: bytes) -> dict[str, list[str]]:
    query: dict[str, list[str]] = {}
    text = raw.decode("ascii")
    fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS)
    for name, value in fields:
        query.setdefault(name, []).append(value)
    return query


def _readings(text: str) -> Iterator[object]:
    """All values that a text may stand for: it has no type of its own, its schema has."""
    yield text
    yield from _numbers(text)
    yield from _booleans(text)


def _list_readings(texts: Sequence[str]) -> Iterator[object]:
    """All lists that several texts may stand for."""
    yield list(texts)
    for kind in (_numbers, _booleans):
        items = [next(kind(text), None) for text in texts]
        if None not in items:
            yield items


def _numbers(text: str) -> Iterator[object]:
    if _INTEGER.fullmatch(text):
        yield int(text)
    elif _NUMBER.fullmatch(text):
        yield float(text)


def _booleans(text: str) -> Iterator[object]:
    lower = text.lower()
    if lower in TRUE or lower in FALSE:
        yield lower in TRUE


def _validate(validator: "Validator", readings: Sequence[object]) -> list[tuple[list[str], str]]:
    """Where and how the reading that comes closest to the schema violates it; nothing if one fits."""
    closest: list[tuple[list[str], str]] = []
    for value in readings:
        if validator.is_valid(value):
            return []
        errors = list(validator.iter_errors(value))
        is_other_type = any(error.kind.name == "type" and not error.instance_path for error in errors)
        if not closest or not is_other_type:
            closest = [
                ([str(step) for step in error.instance_path], error.message[:MAX_MESSAGE]) for error in errors
            ]
    return closest
