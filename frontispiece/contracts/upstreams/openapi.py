"""Whether a service, by its OpenAPI document, takes what a client sends, and sends what the client reads."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from frontispiece.contracts.openapi.document import Document
from frontispiece.contracts.openapi.operations import shape
from frontispiece.contracts.schema import ANY_NAME, alternatives, members, types
from frontispiece.contracts.upstreams.fields import OPTIONAL

STEP: Final = re.compile(r"\[\]|[^.\[\]]+")
JSON: Final = "application/json"


def http_conflicts(call: Mapping[str, Any], openapi: Mapping[str, Any]) -> Iterator[str]:
    """The conflicts of a recorded call with a document, in words."""
    name = f"{call['method']} {call['path']}"
    document = Document(openapi, "the OpenAPI document")
    operation = _operation(call, document)
    if operation is None:
        yield f"{name}: there is no such operation"
        return
    yield from (f"{name}: {fault}" for fault in _parameter_faults(call, operation))
    yield from (f"{name}: {fault}" for fault in _body_faults(call, operation, document))
    responses = [
        document.resolve(each) for status, each in operation["responses"].items() if status.startswith("2")
    ]
    if not responses:
        yield f"{name}: no response of success is documented"
    if call["reads"] is not None:
        for response in responses:
            schema = response.get("content", {}).get(JSON, {}).get("schema", {})
            yield from (f"{name}: {fault}" for fault in _read_faults(call["reads"], schema, document))


def _operation(call: Mapping[str, Any], document: Document) -> Mapping[str, Any] | None:
    wanted = call["method"].lower(), shape(call["path"])
    return next(
        (each for path, method, each in document.operations() if (method, shape(path)) == wanted), None
    )


def _parameter_faults(call: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[str]:
    parameters = operation.get("parameters", ())
    for place, sent in (("query", call["query"]), ("header", call["headers"])):
        documented = {each["name"].lower(): each for each in parameters if each["in"] == place}
        yield from (
            f"{place} {name} is sent, and not taken" for name in sent if name.lower() not in documented
        )
        for name, each in documented.items():
            if each.get("required") and name not in {one.lower() for one in sent}:
                yield f"{place} {name} is required, and not sent"


def _body_faults(call: Mapping[str, Any], operation: Mapping[str, Any], document: Document) -> Iterator[str]:
    schema = document.resolve(operation.get("requestBody", {})).get("content", {}).get(JSON, {}).get("schema")
    if schema is None:
        if call["sends"]:
            yield "a body is sent, and none is taken"
        return
    for path, text in call["sends"].items():
        sent, _ = _types(text)
        found = _at(document, [schema], path)
        taken = set().union(*(types(document, each) for each, _ in found))
        if not found:
            yield f"{path} is sent, and not taken"
        elif taken and not all(_covers(taken, name) for name in sent):
            yield f"{path} is sent as {text}, and taken as {' | '.join(sorted(taken))}"
    for path in _required(document, schema, ""):
        within = path.rpartition(".")[0]
        if path not in call["sends"] and (not within or within in call["sends"]):
            yield f"{path} is required, and not sent"


def _required(document: Document, schema: Any, path: str) -> Iterator[str]:
    for each, _ in alternatives(document, schema):
        for name, inner in members(each):
            member = f"{path}.{name}".removeprefix(".")
            if name in each.get("required", ()):
                yield member
            yield from _required(document, inner, member)


def _read_faults(reads: Mapping[str, str], schema: Any, document: Document) -> list[str]:
    """The fields that are read and not sent; of several documented forms, by the one that fits best."""
    forms = [each for each, _ in alternatives(document, schema)] or [schema]
    return min(([*_form_faults(reads, form, document)] for form in forms), key=len)


def _form_faults(reads: Mapping[str, str], form: Any, document: Document) -> Iterator[str]:
    for path, text in reads.items():
        wanted, is_optional = _types(text)
        found = _at(document, [form], path)
        if not found:
            if not is_optional:
                yield f"{path} is read, and not sent"
            continue
        if not is_optional and not all(is_required for _, is_required in found):
            yield f"{path} is read as always there, and may be left out"
        for each, _ in found:
            sent = types(document, each)
            if "any" not in wanted and not (sent and all(_covers(wanted, name) for name in sent)):
                yield f"{path} is read as {text}, and sent as {' | '.join(sorted(sent)) or 'anything'}"


def _at(document: Document, schemas: list[Any], path: str) -> list[tuple[Any, bool]]:
    """The schemas at a path, and whether each is always there."""
    found = [(schema, True) for schema in schemas]
    for step in STEP.findall(path):
        found = [
            inner
            for schema, _ in found
            for each, _ in alternatives(document, schema)
            for inner in _step(each, step)
        ]
    return found


def _step(schema: Mapping[str, Any], step: str) -> Iterator[tuple[Any, bool]]:
    if step == "[]" and "items" in schema:
        yield schema["items"], True
    known = dict(members(schema))
    if step in known:
        yield known[step], step == ANY_NAME or step in schema.get("required", ())
    elif ANY_NAME in known:
        yield known[ANY_NAME], False


def _types(text: str) -> tuple[set[str], bool]:
    return set(text.removesuffix(OPTIONAL).split(" | ")), text.endswith(OPTIONAL)


def _covers(wanted: set[str], sent: str) -> bool:
    """Whether a reader of these types can read a value of that type."""
    wider = {"integer": "number", "date-time": "string"}
    return bool(wanted & {"any", sent, wider.get(sent, sent)})
