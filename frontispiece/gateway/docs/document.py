"""The OpenAPI document of the edge: a table's routes as the public sees them."""

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Final

from frontispiece.gateway.aggregates.config import Part
from frontispiece.gateway.auth.session.cookies import SESSION
from frontispiece.gateway.config.route import Auth, Route
from frontispiece.gateway.config.table import Table
from frontispiece.gateway.docs.components import MALFORMED, Described, Json
from frontispiece.gateway.docs.config import Docs
from frontispiece.gateway.docs.session import CSRF, operations
from frontispiece.gateway.policies.request_validation.operation import is_from_client
from frontispiece.http.headers import SAFE_METHODS
from frontispiece.http.paths import Parameter, Template
from frontispiece.http.router import Matcher, Pattern
from frontispiece.service.openapi import add_problems, problems

METHODS: Final = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})
"""Methods that OpenAPI can describe."""

SCHEMES: Final[Mapping[Auth, Json]] = {
    Auth.BEARER: {"type": "http", "scheme": "bearer", "description": "An access token of the issuer."},
    Auth.SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION.decode(),
        "description": "The session of a browser, which a login sets.",
    },
    Auth.PASSTHROUGH: {
        "type": "http",
        "scheme": "bearer",
        "description": "Whatever credentials the service itself takes.",
    },
}


def document(table: Table, docs: Docs, services: Mapping[str, Described]) -> Json:
    """The routes of a table, as OpenAPI 3.1.

    An operation is plain without the description of its service.
    """
    found: Json = {
        "openapi": "3.1.0",
        "info": {"title": docs.title, "version": version("frontispiece")},
        "paths": {},
        "components": {},
    }
    add_problems(found)
    session = table.session if Auth.SESSION in docs.auth else None
    shown = [route for route in table.routes if route.auth in docs.auth and not route.files]
    kinds = [*(route.auth for route in shown), *([Auth.SESSION] if session else [])]
    used = {kind.value: SCHEMES[kind] for kind in kinds if kind in SCHEMES}
    if used:
        found["components"]["securitySchemes"] = used
    first: dict[object, Template] = {}
    router = Matcher((Pattern(template=r.template, methods=r.methods, host=r.host), r) for r in table.routes)
    for route in shown:
        for method in METHODS.intersection(route.methods):
            for template, operation in _operations(route, method, router, services, found["components"]):
                named = first.setdefault(template.shape, template)  # one path has its names once
                for parameter, name in zip(operation["parameters"], named.names, strict=False):
                    parameter["name"] = name
                found["paths"].setdefault(_written(named), {}).setdefault(method.lower(), operation)
    if session:
        for path, of_session in operations(session, Auth.SESSION.value).items():
            for method, operation in of_session.items():
                about = {"operationId": f"{method}{path}", "tags": [path.split("/")[1]]}
                found["paths"].setdefault(path, {})[method] = operation | about
    found["paths"] = dict(sorted(found["paths"].items()))
    found["components"].pop("parameters", None)  # each operation has its own
    return found


def _operations(
    route: Route, method: str, router: Matcher[Route], services: Mapping[str, Described], components: Json
) -> Iterator[tuple[Template, Json]]:
    """The operations of a route, by public templates: with the rest of a path, each that is described."""
    described = services.get(route.to.service) if route.to else None
    known = list(described.at(method, route.target)) if described else []
    for template, operation, parameters in known:
        public, names = _public(route, template)
        assert described is not None
        sample = public.fill({name: [f"{{{name}}}"] for name in public.names})  # no route has such a segment
        if router.match(method, route.host or "", sample).target is not route:
            continue  # another route answers there, and may be secret
        try:
            own = _with_names(described.operation(operation, parameters, components), names, components)
            complete = _complete(route, method, public, own)
        except MALFORMED as error:
            described.log_malformed(f"{method} {template}", error)
            complete = _complete(route, method, public, _plain(route, services, components))
        yield public, complete
    if not known:
        yield route.template, _complete(route, method, route.template, _plain(route, services, components))


def _public(route: Route, there: Template) -> tuple[Template, dict[str, str | None]]:
    """The public template of an operation, and the public names of its placeholders; None for a fixed one."""
    target = route.target.parts
    names: dict[str, str | None] = {}
    for described, called in zip(there.parts, target, strict=False):
        if isinstance(described, Parameter) and not (isinstance(called, Parameter) and called.takes_rest):
            names[described.name] = called.name if isinstance(called, Parameter) else None
    *fixed, last = route.template.parts
    if isinstance(last, Parameter) and last.takes_rest:
        return Template((*fixed, *there.parts[len(target) - 1 :])), names
    return route.template, names


def _with_names(operation: Json, names: Mapping[str, str | None], components: Json) -> Json:
    """The operation with the public names of its path's placeholders, and without those that are fixed."""
    parameters = []
    for each in operation["parameters"]:
        kind, _, name = str(each.get("$ref", "")).removeprefix("#/components/").partition("/")
        parameter = dict(components.get(kind, {}).get(name, each)) if name else dict(each)
        if parameter["in"] == "header" and not is_from_client(parameter["name"]):
            continue
        if parameter["in"] == "path":
            public = names.get(parameter["name"], parameter["name"])
            if public is None:
                continue
            parameter["name"] = public
        parameters.append({key: value for key, value in parameter.items() if not key.startswith("x-")})
    return {**operation, "parameters": parameters}


def _plain(route: Route, services: Mapping[str, Described], components: Json) -> Json:
    """What the table alone says of an operation."""
    response: Json = {"description": "What its service responds."}
    parameters: list[Json] = []
    if route.parts:
        parts = {name: _part(part, services, components) for name, part in route.parts.items()}
        schema = {"type": "object", "required": sorted(parts), "properties": parts}
        response = {"description": "All parts.", "content": {"application/json": {"schema": schema}}}
        queries = sorted({name for part in route.parts.values() for name in part.query})
        parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in queries]
    return {"parameters": parameters, "responses": {"200" if route.parts else "2XX": response}}


def _part(part: Part, services: Mapping[str, Described], components: Json) -> Json:
    """A key of an aggregate: with the schema of what it reads, where nothing of that is changed."""
    described = services.get(part.from_.service)
    changes = part.keep or part.drop or part.rename or part.batch
    schema = described.schema(part.from_, components) if described and not changes else None
    if schema is None:
        return {"description": "An optional part." if part.optional else "A part."}
    if part.each:
        schema = {"type": "array", "items": schema}
    return {"anyOf": [schema, {"const": part.effective_fallback}]} if part.optional else schema


def _complete(route: Route, method: str, template: Template, described: Json) -> Json:
    """An operation with what the edge demands and responds."""
    path = _written(template)
    operation = {**described, "operationId": f"{method.lower()}{path}"}
    operation["tags"] = [template.parts[0] if isinstance(template.parts[0], str) else "/"]
    operation["parameters"] = list(_parameters(route, method, template, described.get("parameters", [])))
    operation["responses"] = {**problems(_failures(route, template)), **operation.get("responses", {})}
    operation["security"] = _security(route)
    return operation


def _parameters(route: Route, method: str, template: Template, described: Iterable[Json]) -> Iterator[Json]:
    """Those of the path in its order, then what the edge demands, then what the service takes."""
    known = {(each["in"], each["name"].lower()): each for each in described}
    demanded = []
    if route.auth is Auth.SESSION:
        reads_as_guest = route.guest and method in SAFE_METHODS  # without it the session is not looked at
        demanded.append({**CSRF, "required": not reads_as_guest})
    if route.idempotency and method not in SAFE_METHODS:
        known.pop(("header", "idempotency-key"), None)
        demanded.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": route.idempotency.required,
                "description": "Of one call and its repetitions, which get the response of the first.",
                "schema": {"type": "string"},
            }
        )
    fields = (
        {name.replace("_", "").lower(): name for name in template.names}
        if route.to and route.to.method
        else {}
    )
    for where, name in [key for key in known if key[0] == "query" and key[1] in fields]:
        field = known.pop((where, name))  # of the message, which the path has
        known["path", fields[name].lower()] = {**field, "name": fields[name], "in": "path", "required": True}
    for name in template.names:
        plain = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        yield known.pop(("path", name.lower()), plain)
    yield from demanded
    yield from (each for (where, _), each in known.items() if where in {"query", "header", "cookie"})


def _failures(route: Route, template: Template) -> set[int]:
    """The statuses of problems that the edge itself may respond with."""
    failures = {500, 502, 503, 504}
    if template.names:
        failures.add(400)
    if route.auth.identifies_caller:
        failures |= {401, 403}
    if route.rate_limit:
        failures.add(429)
    if route.max_body_size:
        failures.add(413)
    if route.idempotency:
        failures |= {409, 422}
    if route.validate_requests:
        failures.add(422)
    return failures


def _security(route: Route) -> list[dict[str, list[str]]]:
    """Who may call it: anybody, where nothing is in the list."""
    if route.auth is Auth.NONE:
        return []
    scopes = list(route.scopes) if route.auth is Auth.BEARER else []
    of_users = {route.auth.value: scopes}
    return [{}, of_users] if route.guest or route.auth is Auth.PASSTHROUGH else [of_users]


def _written(template: Template) -> str:
    """A path as OpenAPI has it, which knows no placeholder for the rest of a path."""
    return "/" + "/".join(
        f"{{{each.name}}}" if isinstance(each, Parameter) else each for each in template.parts
    )
