"""The route table: the public surface as data, refused whole when faulty, with every fault named at once."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from frontispiece.errors import ConfigError, in_words, nearest
from frontispiece.gateway.aggregates.target_template import TargetTemplate
from frontispiece.gateway.config.base import ConfigModel, non_empty
from frontispiece.gateway.config.edge import Edge
from frontispiece.gateway.config.grpc import faults_over_grpc, with_descriptors, with_method
from frontispiece.gateway.config.layers import Layers, RouteLayer
from frontispiece.gateway.config.route import Auth, Route
from frontispiece.gateway.config.service import Service
from frontispiece.gateway.config.session import Session
from frontispiece.gateway.config.source import Lines, Loc, read
from frontispiece.gateway.config.source import document as toml_document
from frontispiece.gateway.config.target import Target
from frontispiece.gateway.config.validate import CHECKS, Fault, WrittenRoute, WrittenTable
from frontispiece.gateway.docs.config import Docs
from frontispiece.gateway.files.folder import FaultyFiles
from frontispiece.gateway.files.release import Release
from frontispiece.gateway.files.validate import with_release
from frontispiece.gateway.policies.security_headers import SecurityHeaders
from frontispiece.settings import project_folder

Model = TypeVar("Model", bound=BaseModel)


class Table(ConfigModel):
    """The whole public surface."""

    services: dict[str, Service] = Field(
        min_length=1, description="The services that routes lead to, by name."
    )
    session: Session | None = Field(None, description="How browsers log in; without it, they cannot.")
    edge: Edge = Field(Edge(), description="Which proxies are trusted.")
    security_headers: SecurityHeaders | None = Field(
        None, description="Security headers of every response; none when left out."
    )
    docs: Docs | None = Field(None, description="What `/docs` and `/openapi.json` show; off when left out.")
    routes: Annotated[tuple[Route, ...], non_empty("a table has at least one route")] = Field(
        description="What is served: nothing else is public."
    )

    @property
    def audiences(self) -> dict[str, str]:
        """The audience of the internal tokens that each service gets."""
        return {name: service.audience or name for name, service in self.services.items()}

    @property
    def needed(self) -> set[str]:
        """The services without which the gateway is unready: the `needed` of each, or what its routes say."""
        used = {target.service.partition("@")[0] for target in self._targets()}
        return {
            name
            for name, service in self.services.items()
            if service.needed or (service.needed is None and name in used)
        }

    @property
    def versions(self) -> dict[str, Service]:
        """The services `name@version` that routes lead to: `name` in all but its instances."""
        written = {
            target.service
            for route in self.routes
            for target in (route.to, *(choice.to for choice in route.split or ()))
            if target and "@" in target.service
        }
        return {each: self.services[each.partition("@")[0]].of_version(each) for each in sorted(written)}

    @property
    def releases(self) -> list[Release]:
        """The files of all routes that have some."""
        return [route.files.release for route in self.routes if route.files]

    def _targets(self) -> Iterator[Target | TargetTemplate]:
        """Where calls lead that fail without an answer: not mirrored ones, nor optional parts."""
        for route in self.routes:
            yield from (
                target for target in (route.to, *(choice.to for choice in route.split or ())) if target
            )
            yield from (part.from_ for part in (route.parts or {}).values() if not part.optional)
        yield from self.session.guest_merge if self.session else ()


LayerModels = Mapping[str, type[RouteLayer]]
"""The classes of the project's own layers, by name: what a route may write in `layers`."""

NO_LAYERS: Final[LayerModels] = MappingProxyType({})


class _Models(NamedTuple):
    """The models of a table and of its routes, with the project's own layers."""

    table: type[Table]
    route: type[Route]


def load(path: Path, layers: LayerModels = NO_LAYERS) -> Table:
    """The table in a file.

    Args:
        path: the file.
        layers: the project's own.

    Raises:
        ConfigError: it cannot serve; every fault is named with file and line.
    """
    text, document = read(path, "`[gateway] routes` of frontispiece.toml, or GATEWAY_ROUTES, names the table")
    return _checked(document, text, str(path), project_folder(path), layers)


def schema(layers: LayerModels = NO_LAYERS) -> dict[str, Any]:
    """The JSON schema of a table as it is written, for editors; a date counts as a string."""
    return _models(tuple(layers.items())).table.model_json_schema()


def parse(
    text: str, file: str | None = None, folder: Path = Path(), layers: LayerModels = NO_LAYERS
) -> Table:
    """The table in a TOML document.

    Args:
        text: the document.
        file: its name, put before each fault together with the line.
        folder: where the relative folders of `files` are.
        layers: the project's own.

    Raises:
        ConfigError: it cannot serve.
    """
    return _checked(toml_document(text, file or "TOML"), text, file, folder, layers)


def _checked(
    document: dict[str, Any], text: str, file: str | None, folder: Path, layers: LayerModels
) -> Table:
    models = _models(tuple(layers.items()))
    faults = []
    try:
        table = models.table.model_validate(document)
    except ValidationError as invalid:
        faults = [_fault(error, models.table) for error in invalid.errors()]
    written = _written(document, models.route)
    faults += [fault for check in CHECKS for fault in check(written)]
    services, unreadable = _with_descriptors(written, folder)
    routes, missing = _with_files(written, folder)
    faults += unreadable + missing
    faults += [
        each.fault(key, message)
        for each, route in written.valid_routes
        for key, message in faults_over_grpc(route, services)
    ]
    if faults:
        raise ConfigError([*_sentences(faults, document, text, file)])
    routes = tuple(with_method(route, services) for route in routes)
    table = table.model_copy(update={"routes": routes, "services": services})
    return table.model_copy(update={"services": services | table.versions})


def _with_files(table: WrittenTable, folder: Path) -> tuple[tuple[Route, ...], list[Fault]]:
    """The valid routes, those with files having read them, and what is wrong with files."""
    routes, faults = [], []
    for written, route in table.valid_routes:
        try:
            routes.append(with_release(route, folder))
        except FaultyFiles as faulty:
            faults += [written.fault("files", f"files: {fault}") for fault in faulty.faults]
    return tuple(routes), faults


def _with_descriptors(table: WrittenTable, folder: Path) -> tuple[dict[str, Service], list[Fault]]:
    """The valid services, those over gRPC having read their descriptors, and what is wrong with these."""
    services, faults = {}, []
    for name, written in table.services.items():
        service = _valid(Service, written)
        try:
            if service is not None:
                services[name] = with_descriptors(service, folder)
        except ValueError as fault:
            faults.append(Fault(("services", name, "descriptors"), str(fault)))
    return services, faults


@lru_cache(maxsize=8)
def _models(layers: tuple[tuple[str, type[RouteLayer]], ...]) -> _Models:
    """The same models for the same layers: routes of two tables are compared by them."""
    if not layers:
        return _Models(Table, Route)
    fields: dict[str, Any] = {name: (model | None, None) for name, model in layers}
    of_layers = create_model("Layers", __base__=Layers, **fields)
    route = create_model("Route", __base__=Route, layers=(of_layers | None, None))
    routes = Annotated[tuple[route, ...], *Table.model_fields["routes"].metadata]
    return _Models(create_model("Table", __base__=Table, routes=(routes, ...)), route)


def _written(document: Mapping[str, Any], model: type[Route]) -> WrittenTable:
    services, routes, session = document.get("services"), document.get("routes"), document.get("session")
    return WrittenTable(
        services=services if isinstance(services, dict) else {},
        has_session=session is not None,
        session=None if session is None else _valid(Session, session),
        routes=tuple(
            WrittenRoute(index, route, _valid(model, route))
            for index, route in enumerate(routes if isinstance(routes, list) else ())
        ),
    )


def _valid(model: type[Model], written: object) -> Model | None:
    try:
        return model.model_validate(written)
    except ValidationError:  # reported with the whole table
        return None


def _fault(error: ErrorDetails, table: type[Table]) -> Fault:
    """A mistake that the table's model has found, with the place written as in the document."""
    loc = error["loc"]
    _, *rest = loc[_depth(loc) - 1 :] if loc else ("",)
    keys = [str(key) for key in rest]
    if len(keys) > 1 and keys[0] in {"layers", "parts"}:
        keys[:2] = [f"{keys[0]}.{keys[1]}"]
    message = in_words(error)
    if error["type"] == "extra_forbidden":
        message = f"unknown key{_hint(loc, _keys_at(loc[:-1], table))}"
    elif error["type"] == "model_type":
        known = ", ".join(sorted(_keys_at(loc, table)))
        message = f"must be a table: the keys here are {known}" if known else "must be an empty table, {}"
    elif error["type"] == "tuple_type" and loc in SECTIONS:
        message = f"must be a list of tables: {SECTIONS[loc]}"
    elif loc in SECTIONS and error["type"] in {"missing", "dict_type"}:
        message = f"{message}: {SECTIONS[loc]}"
    elif error["type"] == "missing" and loc[-1] == "auth":
        message = f"is missing: write who may call it, {', '.join(map(repr, map(str, Auth)))}"
    return Fault(loc, ": ".join([*keys, message]))


SECTIONS: Final[Mapping[Loc, str]] = {
    ("services",): "each service is headed by [services.NAME]",
    ("routes",): "each route is headed by [[routes]], in two pairs of brackets",
}
"""What a table cannot do without."""


def _hint(loc: Loc, known: set[str]) -> str:
    """What may be meant by an unknown key."""
    if known:
        return nearest(str(loc[-1]), known) or f": the keys here are {', '.join(sorted(known))}"
    if loc[-2:-1] == ("layers",):
        return ": no layer is declared, in [gateway.layers.NAME] of frontispiece.toml"
    return ": there are no keys here"


def _depth(loc: Loc) -> int:
    """How many of the first keys lead to the section that a fault is in."""
    return min(len(loc), 2 if loc[:1] in {("routes",), ("services",)} else 1)


def _sentences(
    faults: Iterable[Fault], document: Mapping[str, Any], text: str, file: str | None
) -> Iterator[str]:
    lines = Lines(text)
    for fault in faults:
        line = lines.of(fault.loc)
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        yield f"{where}{_place(fault.loc, document)}: {fault.message}"


def _place(loc: Loc, document: Mapping[str, Any]) -> str:
    """The section of a fault, such as `route 3 (/products)`."""
    match loc[: _depth(loc)]:
        case ("routes", int(index)):
            route = document["routes"][index]
            path = route.get("path") if isinstance(route, dict) else None
            return f"route {index + 1} ({path})" if path else f"route {index + 1}"
        case section:
            return ": ".join(map(str, section))


def _keys_at(loc: Loc, table: type[Table]) -> set[str]:
    """The keys that a table in the document may have."""
    models: list[type[BaseModel]] = [table]
    for key in loc:
        fields = [model.model_fields[key] for model in models if key in model.model_fields]
        if fields:  # other steps are indexes, and names that the table's author has chosen
            models = [model for field in fields for model in _models_in(field.annotation)]
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
