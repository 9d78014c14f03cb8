"""One operation of a service, as it describes it, and what in a request does not fit that."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import parse_qsl

import jsonschema_rs
import msgspec

from gateway.call import Call
from gateway.openapi.document import Document, Faulty
from gateway.openapi.values import faults_of, readings, readings_of_list

MOST_FIELDS: Final = 1000
"""Of a query."""

IGNORED: Final = frozenset({"accept", "content-type", "authorization"})
"""Headers whose descriptions count for nothing (OpenAPI 3.1.1, 4.8.12.1)."""

PLAIN: Final = {"query": "form", "path": "simple", "header": "simple"}
"""Where values are looked at, and how they have to be written there: others are not looked at."""

TELLS_THE_KIND: Final = (b"content-type", b"content-encoding")
"""Headers of which a service may read another one than is read here, if there are several."""

_JSON = re.compile(r"application/(?:[^/;\s]+\+)?json", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not fit: where, as a path of steps, and what."""

    at: list[str]
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A value in the path, the query or a header."""

    name: str
    where: str
    required: bool
    explode: bool
    validator: jsonschema_rs.Draft202012Validator

    def faults(self, values: Sequence[str]) -> Iterator[Fault]:
        """What is wrong with what was given."""
        if not values:
            if self.required:
                yield Fault([self.where, self.name], "it is required")
            return
        meanings = list(readings(values[0])) if len(values) == 1 else []
        items = values if self.explode or len(values) > 1 else values[0].split(",")
        meanings += readings_of_list(items)
        for at, message in faults_of(self.validator, meanings):
            yield Fault([self.where, self.name, *at], message)


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """The kinds of body that an operation takes; None is one that is not looked at."""

    required: bool
    kinds: Mapping[str, jsonschema_rs.Draft202012Validator | None]

    def kind(self, call: Call) -> str | None:
        """Which of the kinds a call's body is said to be."""
        said = (call.header(b"content-type") or b"").decode("latin-1").partition(";")[0].strip().lower()
        family = said.partition("/")[0] + "/*"
        return next((kind for kind in (said, family, "*/*") if kind in self.kinds), None)

    def reads(self, call: Call) -> bool:
        """Whether a call's body has to be read whole."""
        kind = self.kind(call)
        return kind is not None and self.kinds[kind] is not None and _is_json(call)

    def faults(self, call: Call) -> Iterator[Fault]:
        """What is wrong with a body."""
        if call.body == b"":
            if self.required:
                yield Fault(["body"], "it is required")
            return
        for name in TELLS_THE_KIND:
            if sum(known == name for known, _ in call.headers) > 1:
                yield Fault(["header", name.decode()], "it is there more than once")
                return
        kind = self.kind(call)
        if kind is None:
            yield Fault(["header", "content-type"], f"it is none of {', '.join(self.kinds)}")
            return
        validator = self.kinds[kind]
        if validator is None or not isinstance(call.body, bytes) or not _is_json(call):
            return
        if call.header(b"content-encoding") not in {None, b"identity"}:
            yield Fault(["header", "content-encoding"], "the body of this has to come as it is")
            return
        try:
            value = msgspec.json.decode(call.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
            yield Fault(["body"], f"it cannot be read as JSON: {fault}")
            return
        for at, message in faults_of(validator, [value]):
            yield Fault(["body", *at], message)


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """What a service takes at one path, by one method."""

    parameters: tuple[Parameter, ...]
    body: Body | None

    @classmethod
    def of(cls, document: Document, operation: dict[str, Any], common: list[Any]) -> Self:
        """Read an operation.

        Raises:
            Faulty: it cannot be read.
        """
        own = operation.get("parameters", [])
        if not isinstance(own, list):
            raise Faulty("its parameters are no list")
        described = [document.resolved(each) for each in [*common, *own]]
        latest = {(str(each.get("in")), str(each.get("name"))): each for each in described}
        parameters = [_parameter(document, *key, each) for key, each in latest.items()]
        body = operation.get("requestBody")
        return cls(
            parameters=tuple(parameter for parameter in parameters if parameter),
            body=None if body is None else _body(document, document.resolved(body)),
        )

    def faults(self, call: Call, path: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
        """Everything in a call that does not fit; a body is looked at when it is there whole.

        Args:
            call: the client's.
            path: what stands in it for the operation's own placeholders.
        """
        try:
            query = _query(call.query)
        except ValueError as fault:  # UnicodeDecodeError is one
            yield Fault(["query"], f"it cannot be read: {fault}")
            return
        for parameter in self.parameters:
            if parameter.where == "query":
                given = query.get(parameter.name, [])
            elif parameter.where == "path":
                given = list(path.get(parameter.name, ()))
            else:
                name = parameter.name.lower().encode("latin-1", "replace")
                fields = [value.decode("latin-1") for known, value in call.headers if known == name]
                given = [",".join(fields)] if fields else []
            yield from parameter.faults(given)
        if self.body:
            yield from self.body.faults(call)


def _parameter(document: Document, where: str, name: str, said: dict[str, Any]) -> Parameter | None:
    """A parameter, None for one that is not looked at."""
    style = said.get("style", PLAIN.get(where))
    if where not in PLAIN or style != PLAIN[where] or "schema" not in said:
        return None
    if where == "header" and (name.lower() in IGNORED or name.lower().startswith(OURS)):
        return None
    if _has_members(document, said["schema"]):
        return None
    return Parameter(
        name=name,
        where=where,
        required=said.get("required") is True,
        explode=said.get("explode", where == "query") is True,
        validator=document.validator(said["schema"]),
    )


OURS: Final = ("x-internal-", "x-forwarded-", "x-timeout-ms", "x-request-id", "traceparent", "tracestate")
"""How headers begin that the gateway writes itself, behind whoever looks at a call here."""


def _has_members(document: Document, schema: object) -> bool:
    """Whether this is an object, spread over a query by rules that are not followed here."""
    if not isinstance(schema, dict):
        return False
    found = document.resolved(schema)
    return found.get("type") == "object" or "properties" in found


def _body(document: Document, said: dict[str, Any]) -> Body:
    content = said.get("content", {})
    if not isinstance(content, dict):
        raise Faulty("the content of a body is no object")
    kinds = {}
    for kind, media in content.items():
        schema = media.get("schema") if isinstance(media, dict) else None
        plain = kind.partition(";")[0].strip().lower()
        reads = schema is not None and (_JSON.fullmatch(plain) or plain.endswith("/*"))
        kinds[plain] = document.validator(schema) if reads else None
    return Body(required=said.get("required") is True, kinds=kinds or {"*/*": None})


def _is_json(call: Call) -> bool:
    said = (call.header(b"content-type") or b"").decode("latin-1").partition(";")[0].strip()
    return _JSON.fullmatch(said) is not None


def _query(raw: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    text = raw.decode("ascii")
    for name, value in parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS):
        found.setdefault(name, []).append(value)
    return found
