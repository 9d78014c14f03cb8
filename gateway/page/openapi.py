"""The OpenAPI description of pages: parameters, bodies and answers out of their types."""

from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.page.graph import Input, Origin, Plan

REF = "#/components/schemas/{name}"


def describe(document: dict[str, Any], plans: Iterable[Plan]) -> dict[str, Any]:
    """Add pages to an OpenAPI document."""
    plans = list(plans)
    types = [plan.answers for plan in plans] + [i.type for plan in plans for i in plan.inputs.values()]
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    answers = schemas[: len(plans)]
    inputs = iter(schemas[len(plans) :])
    for plan, answer in zip(plans, answers, strict=True):
        operation = _operation(plan, answer, [(i, next(inputs)) for i in plan.inputs.values()])
        document["paths"].setdefault(plan.page.path, {})[plan.page.method.lower()] = operation
    document.setdefault("components", {}).setdefault("schemas", {}).update(components)
    return document


def _operation(
    plan: Plan, answer: dict[str, Any], inputs: list[tuple[Input, dict[str, Any]]]
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
                "content": {"application/json": {"schema": answer}},
            },
            "default": {"description": "A problem (RFC 9457).", "content": {"application/problem+json": {}}},
        },
    }
    for i, schema in inputs:
        if i.origin is Origin.BODY:
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation
