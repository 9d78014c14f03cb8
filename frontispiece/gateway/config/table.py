"""The route table: the public surface as data, refused whole when faulty, with every fault named at once."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel, Field, ValidationError, create_model

from frontispiece.errors import ConfigError
from frontispiece.gateway.aggregates.target_template import TargetTemplate
from frontispiece.gateway.config.base import ConfigModel, non_empty
from frontispiece.gateway.config.edge import Edge
from frontispiece.gateway.config.faults import Fault, WrittenRoute, WrittenTable, fault_of, sentences
from frontispiece.gateway.config.grpc import faults_over_grpc, with_descriptors, with_method
from frontispiece.gateway.config.layers import Layers, RouteLayer
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.config.service import Service
from frontispiece.gateway.config.session import Session
from frontispiece.gateway.config.source import document as toml_document
from frontispiece.gateway.config.source import read
from frontispiece.gateway.config.target import Target
from frontispiece.gateway.config.validate import CHECKS
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
        targets = [target for route in self.routes for target in route.variants]
        written = {target.service for target in targets if "@" in target.service}
        return {each: self.services[each.partition("@")[0]].of_version(each) for each in sorted(written)}

    @property
    def releases(self) -> list[Release]:
        """The files of all routes that have some."""
        return [route.files.release for route in self.routes if route.files]

    def _targets(self) -> Iterator[Target | TargetTemplate]:
        """Where calls lead that fail without an answer: not mirrored ones, nor optional parts."""
        for route in self.routes:
            yield from route.variants
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
        faults = [fault_of(error, models.table) for error in invalid.errors()]
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
        raise ConfigError([*sentences(faults, document, text, file)])
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
