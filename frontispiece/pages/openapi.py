"""The OpenAPI description of pages: parameters, bodies and responses from their types."""

from collections.abc import Iterable
from typing import Any

import msgspec

from frontispiece.pages.plan import Input, Origin, Plan
from frontispiece.pages.streaming import EVENTS
from frontispiece.upstream import Reply

REF = "#/components/schemas/{name}"


def describe(document: dict[str, Any], plans: Iterable[Plan]) -> dict[str, Any]:
    """Add pages to an OpenAPI document."""
    plans = list(plans)
    views = [Any if plan.view_type is Reply else plan.view_type for plan in plans]
    types = views + [i.type for plan in plans for i in plan.inputs.values()]
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    responses = schemas[: len(plans)]
    inputs = iter(schemas[len(plans) :])
    for plan, response in zip(plans, responses, strict=True):
        operation = _operation(plan, response, [(i, next(inputs)) for i in plan.inputs.values()])
        document["paths"].setdefault(plan.page.path, {})[plan.page.method.lower()] = operation
    document.setdefault("components", {}).setdefault("schemas", {}).update(components)
    return document


def _operation(
    plan: Plan, response: dict[str, Any], inputs: list[tuple[Input, dict[str, Any]]]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": (plan.view.__doc__ or "").strip().partition("\n")[0],
        "operationId": f"{plan.page.method.lower()}{plan.page.path}",
        "parameters": [
            {
                "name": i.name,
                "in": i.origin.name.lower(),
                "required": i.origin is Origin.PATH or i.required,
                "schema": schema,
            }
            for i, schema in inputs
            if i.origin is not Origin.BODY
        ],
        "responses": {
            str(plan.page.status): {
                "description": "The page.",
                "content": {EVENTS if plan.view_type is Reply else "application/json": {"schema": response}},
            },
            "default": {"description": "A problem (RFC 9457).", "content": {"application/problem+json": {}}},
        },
    }
    for i, schema in inputs:
        if i.origin is Origin.BODY:
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation
