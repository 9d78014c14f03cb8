"""The OpenAPI description of pages: parameters, bodies and responses from their types."""

from collections.abc import Iterable
from typing import Any

import msgspec

from frontispiece.pages.page import Page
from frontispiece.pages.plan import Input, Origin, Plan, Step
from frontispiece.pages.request import PageRequest
from frontispiece.pages.streaming import EVENTS, NDJSON
from frontispiece.security import Identity
from frontispiece.service.callers import BEARER
from frontispiece.service.openapi import (
    EVENT,
    IF_NONE_MATCH,
    add_problems,
    add_security,
    headers_of,
    problems,
)
from frontispiece.upstream import Reply
from frontispiece.upstream.errors import PASSED_ON

Json = dict[str, Any]

REF = "#/components/schemas/{name}"

UPSTREAM_STATUSES = PASSED_ON | {502, 503, 504}
"""The problems of a page whose required sources call upstreams."""

BODY_STATUSES = frozenset({408, 413, 415})
"""The problems of a page that takes a body."""

FRAMES: dict[str, Json] = {
    "ChangeFrame": {
        "title": "ChangeFrame",
        "description": "What an optional source changed: the new value at a JSON Pointer of the view.",
        "type": "object",
        "required": ["path", "data", "source"],
        "properties": {"path": {"type": "string"}, "data": {}, "source": {"type": "string"}},
    },
    "EndFrame": {
        "title": "EndFrame",
        "description": "The page is complete: the sources that failed, and why; or a bug's problem.",
        "type": "object",
        "required": ["end"],
        "properties": {
            "end": {
                "type": "object",
                "properties": {
                    "degraded": {"type": "object", "additionalProperties": {"type": "string"}},
                    "problem": {"$ref": REF.format(name="Problem")},
                },
            }
        },
    },
}
"""The frames of a streamed page after the first, which has its view."""


def describe(document: Json, plans: Iterable[Plan]) -> Json:
    """Add pages to an OpenAPI document."""
    plans = list(plans)
    views = [Any if plan.view_type is Reply else plan.view_type for plan in plans]
    types = views + [i.type for plan in plans for i in plan.inputs.values()]
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    responses = schemas[: len(plans)]
    inputs = iter(schemas[len(plans) :])
    add_problems(document)
    for plan, response in zip(plans, responses, strict=True):
        operation = _operation(plan, response, [(i, next(inputs)) for i in plan.inputs.values()])
        document["paths"].setdefault(plan.page.path, {})[plan.page.method.lower()] = operation
        if "security" in operation:
            add_security(document)
    document["components"]["schemas"] |= components | FRAMES
    return document


def _operation(plan: Plan, response: Json, inputs: list[tuple[Input, Json]]) -> Json:
    page = plan.page
    operation: Json = {
        "summary": (plan.view.__doc__ or "").strip().partition("\n")[0],
        "operationId": f"{page.method.lower()}{page.path}",
        "parameters": [_parameter(i, schema) for i, schema in inputs if i.origin is not Origin.BODY],
        "responses": {**_successes(plan, response), **problems(_failures(plan))},
    }
    if page.method == "GET" and plan.view_type is not Reply:
        operation["parameters"].append(IF_NONE_MATCH)
    for i, schema in inputs:
        if i.origin is Origin.BODY:
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if Identity in plan.provided.values():
        operation["security"] = [{BEARER.scheme_name: []}]
    return operation


def _parameter(i: Input, schema: Json) -> Json:
    if not i.required and i.default is not None:
        schema = {**schema, "default": msgspec.to_builtins(i.default)}
    return {
        "name": i.header.title() if i.origin is Origin.HEADER else i.name,
        "in": i.origin.name.lower(),
        "required": i.origin is Origin.PATH or i.required,
        "schema": schema,
    }


def _successes(plan: Plan, view: Json) -> Json:
    page = plan.page
    if plan.view_type is Reply:
        return {
            str(page.status): {
                "description": "What the service goes on to respond.",
                "content": {EVENTS: {"schema": EVENT}},
            },
            "204": {"description": "There is nothing more to come."},
        }
    content = {"application/json": {"schema": view}}
    responses: Json = {
        str(page.status): {"description": "The page.", "headers": _headers(page), "content": content}
    }
    if page.method == "GET":
        frame = {
            "oneOf": [
                {"type": "object", "required": ["view"], "properties": {"view": view}},
                *({"$ref": REF.format(name=name)} for name in FRAMES),
            ]
        }
        content[NDJSON] = {"schema": {**frame, "description": "Of each line."}}
        data = {"type": "string", "contentMediaType": "application/json", "contentSchema": frame}
        content[EVENTS] = {"schema": {**EVENT, "properties": {**EVENT["properties"], "data": data}}}
        responses["304"] = {"description": "Not Modified", "headers": _headers(page)}
    return responses


def _headers(page: Page) -> Json:
    optional = ["Page-Degraded", "Server-Timing", *page.headers]
    if page.method == "GET":
        optional.append("ETag")  # of the view as one document; a streamed one has none
    required = [*(["Vary"] if page.vary else []), *(["Location"] if page.location is not None else [])]
    return {**headers_of(optional, required=False), **headers_of(required)}


def _failures(plan: Plan) -> set[int]:
    origins = {i.origin for i in plan.inputs.values()}
    statuses = {500, 504}  # the page's deadline
    if Origin.PATH in origins:
        statuses.add(400)  # the path is ambiguous
    if origins:
        statuses.add(422)
    if Origin.BODY in origins:
        statuses |= BODY_STATUSES
    if Identity in plan.provided.values():
        statuses.add(401)
    if any(_calls_upstream(step) for step in plan.steps if step.source.fallback is None):
        statuses |= UPSTREAM_STATUSES
    return statuses


def _calls_upstream(step: Step) -> bool:
    return any(i.origin is Origin.PROVIDED and i.type not in {Identity, PageRequest} for i in step.inputs)
