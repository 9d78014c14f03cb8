"""The contracts of a project, as its `[contracts]` says."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Self, TypeVar, cast

from fastapi import FastAPI

from frontispiece.agents import AgentEndpoint
from frontispiece.cli.inspect.check import apps
from frontispiece.cli.project import Project
from frontispiece.contracts import (
    Change,
    Contracts,
    FieldUse,
    Revision,
    Staging,
    Verified,
    WorkingTree,
    agents,
    changes,
    disagreements,
    matrix,
    usage,
)
from frontispiece.contracts.openapi import document_of
from frontispiece.contracts.upstreams import conflicts
from frontispiece.errors import ConfigError, nearest
from frontispiece.events.contracts import declared_in
from frontispiece.events.contracts import disagreements as disagreements_of_events
from frontispiece.factories import attribute
from frontispiece.graphql.endpoint import GraphEndpoint
from frontispiece.http.asgi import App
from frontispiece.pages import PageApp

Api = TypeVar("Api")

EVENTS: Final = "events and commands"

OPERATIONS_OF_CLIENTS: Final = "persisted operations"

SERVICES: Final = "services/"
"""The folder of the contracts of apps with the services that they call."""

Conflict = tuple[tuple[str, str], list[str] | None]
"""What is broken, in words, after its consumer and service; None where there is nothing to compare with."""

Conflicts = dict[tuple[str, str], list[str] | None]
"""The same, by consumer and service."""


@dataclass(frozen=True, kw_only=True)
class ProjectContracts:
    """A project's contracts as its files have them today; a file that cannot be read is a ConfigError."""

    project: Project
    tree: WorkingTree
    contracts: Contracts
    stage: str
    today: date

    @classmethod
    def of(cls, project: Project) -> Self:
        """The contracts of a project.

        Raises:
            ConfigError: it has none, or they cannot be read.
        """
        if project.contracts is None:
            raise ConfigError(
                ["frontispiece.toml has no [contracts]: its `stage` says how an app is verified"]
            )
        tree = WorkingTree(project.folder / project.contracts.folder)
        return cls(
            project=project,
            tree=tree,
            contracts=Contracts.load(tree),
            stage=project.contracts.stage,
            today=datetime.now(UTC).date(),
        )

    def disagreements(self) -> list[str]:
        """Where files and released.toml do not say the same."""
        return disagreements(self.tree, self.contracts, self.today)

    def changes(self, base: str) -> list[Change]:
        """The changes since a revision of git: of contracts, GraphQL APIs and the tools of agents."""
        revision = Revision(self.tree.folder, base)
        names, released = frozenset(revision.names()), self.contracts.released
        found = changes(Contracts.load(revision), self.contracts, self.today)
        for name, endpoint in self._apis(GraphEndpoint):
            from frontispiece.contracts.graphql import contract_of, places  # noqa: PLC0415 (only where there is one)

            schema, operations = places(name)
            if schema in names:
                persisted = revision.read(operations) if operations in names else None
                contract = contract_of(name, endpoint)
                found += contract.changes(revision.read(schema), persisted, released, self.today)
        for name, agent_endpoint in self._apis(AgentEndpoint):
            if (file := agents.place(name)) in names:
                found += agents.changes(name, revision.read(file), agents.tools_of(agent_endpoint))
        return found

    def revision(self) -> str:
        """The commit of the working tree."""
        return Revision(self.tree.folder, "HEAD").commit

    async def matrix(self) -> list[Verified]:
        """Every version in the field, verified on the project's stage."""
        try:
            staging = attribute(self.stage)
        except ConfigError as error:
            if not isinstance(error.__cause__, ModuleNotFoundError):
                raise
            raise ConfigError([f"{error}: the stage is code of the tests, run it where these run"]) from error
        if not callable(staging):
            raise ConfigError([f"{self.stage} is no stage, but {type(staging).__name__}"])
        with _silent():
            return await matrix(self.contracts, cast(Staging, staging), self.today)

    def conflicts(self) -> Conflicts:
        """The conflicts of services, of events and of GraphQL schemas with those who rely on them."""
        return dict(chain(self._of_services(), self._of_events(), self._of_graphs()))

    def _of_services(self) -> Iterator[Conflict]:
        """Calls of apps that the services do not offer."""
        for name in [name for name in self.tree.names() if name.startswith(SERVICES)]:
            try:
                contract = json.loads(self.tree.read(name))
                wrong = conflicts(contract, self._openapi_of) | {
                    service: [f"there is no such app{nearest(service, self.project.apps)}"]
                    for service in contract["services"]
                    if service not in self.project.apps
                }
                yield from (((contract["consumer"], service), faults) for service, faults in wrong.items())
            except (ValueError, KeyError, TypeError) as error:
                place = self.tree.place(name)
                raise ConfigError([f"{place} is no contract with services: {error!r}"]) from None

    def _of_events(self) -> Iterator[Conflict]:
        """Fields of events and commands that a service reads and nobody sends.

        A service declares its messages in the module `events` beside its factory's.
        """
        declared = {name: declared_in(module) for name, module in self._event_modules()}
        services = [name for name, classes in declared.items() if classes]
        if services:
            yield (EVENTS, f"{len(services)} services"), disagreements_of_events(declared)

    def _of_graphs(self) -> Iterator[Conflict]:
        """Fields that versions in the field read and their GraphQL schema lacks."""
        for name, endpoint in self._apis(GraphEndpoint):
            from frontispiece.contracts.graphql import contract_of  # noqa: PLC0415 (only where there is one)

            faults = contract_of(name, endpoint).conflicts(self.contracts.released, self.today)
            yield (OPERATIONS_OF_CLIENTS, f"{name}{endpoint.path}"), list(faults)

    def graph_files(self) -> dict[Path, str]:
        """The content of the files of all GraphQL APIs, by their paths."""
        found: dict[Path, str] = {}
        for _, endpoint in self._apis(GraphEndpoint):
            from frontispiece.contracts.graphql import files  # noqa: PLC0415 (only where there is one)

            found |= files(endpoint, self.contracts.released, self.today)
        return found

    def usage(self) -> dict[str, list[FieldUse]]:
        """The fields that each provider offers, with the versions in the field that read them."""
        fielded = self.contracts.in_field(self.today)
        found = {}
        for provider in dict.fromkeys(pact.provider for pact in fielded):
            if (openapi := self._openapi_of(provider)) is None:
                raise ConfigError([f"{provider} is no app of frontispiece.toml with an OpenAPI document"])
            found[provider] = usage(openapi, [pact for pact in fielded if pact.provider == provider])
        return found

    @cached_property
    def _apps(self) -> dict[str, App]:
        """Every app with a factory except the gateway, by name, made once."""
        return dict(apps(self.project, self.project.folder / ".data", self.project.routes))

    def _openapi_of(self, name: str) -> Mapping[str, Any] | None:
        """The OpenAPI document of an app: a FastAPI app's own, or else its file; None without one."""
        if isinstance(app := self._apps.get(name), FastAPI):
            return app.openapi()
        document = document_of(self.tree, name)
        return None if document is None else document.root

    def _apis(self, kind: type[Api]) -> Iterator[tuple[str, Api]]:
        for name, app in self._apps.items():
            for api in app.apis if isinstance(app, PageApp) else ():
                if isinstance(api, kind):
                    yield name, api

    def _event_modules(self) -> Iterator[tuple[str, ModuleType]]:
        for name, app in self.project.apps.items():
            package = (app.factory or "").partition(":")[0].rpartition(".")[0]
            if package and find_spec(f"{package}.events"):
                yield name, import_module(f"{package}.events")


@contextmanager
def _silent() -> Iterator[None]:
    """Keep pact's report from the terminal: it writes to the file descriptor of standard output."""
    before = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(before, 1)
        os.close(before)
        os.close(nowhere)
