"""The contracts of a project, as its `[contracts]` says."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
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
from frontispiece.contracts.upstreams import conflicts
from frontispiece.errors import ConfigError
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


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A project's contracts, read."""

    project: Project
    tree: WorkingTree
    contracts: Contracts
    stage: str

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
        return cls(project=project, tree=tree, contracts=Contracts.load(tree), stage=project.contracts.stage)

    def disagreements(self, today: date) -> list[str]:
        """Where files and released.toml do not say the same."""
        return disagreements(self.tree, self.contracts, today)

    def changes(self, base: str, today: date) -> Sequence[Change]:
        """What differs from a revision.

        Raises:
            ConfigError: the revision, or a file of it, cannot be read.
        """
        found = changes(Contracts.load(Revision(self.tree.folder, base)), self.contracts, today)
        return [*found, *self.graph_changes(base, today), *self.agent_changes(base)]

    def revision(self) -> str:
        """The commit of the working tree.

        Raises:
            ConfigError: git does not say.
        """
        return Revision(self.tree.folder, "HEAD").commit

    async def matrix(self, today: date) -> list[Verified]:
        """Every version in the field, verified.

        Raises:
            ConfigError: the stage cannot be imported.
        """
        with _silent():
            return await matrix(self.contracts, self._staging(), today)

    def service_conflicts(self) -> dict[tuple[str, str], list[str]]:
        """What services do not offer of what apps rely on, in words, by consumer and service.

        Raises:
            ConfigError: a contract cannot be read, or an app not be made.
        """
        names = [name for name in self.tree.names() if name.startswith(SERVICES)]
        if not names:
            return {}
        openapi = self._openapi()
        found: dict[tuple[str, str], list[str]] = {}
        for name in names:
            try:
                contract = json.loads(self.tree.read(name))
                wrong = conflicts(contract, openapi.get)
            except (ValueError, KeyError, TypeError) as error:
                place = self.tree.place(name)
                raise ConfigError([f"{place} is no contract with services: {error!r}"]) from None
            found |= {(contract["consumer"], service): faults for service, faults in wrong.items()}
        return found

    @cached_property
    def _apps(self) -> list[tuple[str, App]]:
        """Every app with a factory except the gateway, by name, made once.

        Raises:
            ConfigError: one of them has errors.
        """
        return list(apps(self.project, self.project.folder / ".data", self.project.routes))

    def _openapi(self) -> dict[str, dict[str, Any]]:
        """The OpenAPI documents of all apps that have one, by the app."""
        return {name: app.openapi() for name, app in self._apps if isinstance(app, FastAPI)}

    def _apis(self, kind: type[Api]) -> Iterator[tuple[str, Api]]:
        for name, app in self._apps:
            for api in app.apis if isinstance(app, PageApp) else ():
                if isinstance(api, kind):
                    yield name, api

    def agent_changes(self, base: str) -> Iterator[Change]:
        """What differs of the tools of agents from a revision.

        Raises:
            ConfigError: the revision, or a file of it, cannot be read.
        """
        revision = Revision(self.tree.folder, base)
        names = frozenset(revision.names())
        for name, endpoint in self._apis(AgentEndpoint):
            if (file := agents.place(name)) in names:
                yield from agents.changes(name, revision.read(file), agents.tools_of(endpoint))

    def graph_conflicts(self, today: date) -> dict[tuple[str, str], list[str]]:
        """What schemas do not have of what versions in the field read, in words, by API.

        Raises:
            ConfigError: an app cannot be made, or its operations not be read.
        """
        found = {}
        for name, endpoint in self._apis(GraphEndpoint):
            from frontispiece.contracts.graphql import contract_of  # noqa: PLC0415 (only where there is one)

            conflicts = contract_of(name, endpoint).conflicts(self.contracts.released, today)
            found[OPERATIONS_OF_CLIENTS, f"{name}{endpoint.path}"] = list(conflicts)
        return found

    def graph_changes(self, base: str, today: date) -> Iterator[Change]:
        """What differs of schemas and persisted operations from a revision.

        Raises:
            ConfigError: the revision, or a file of it, cannot be read.
        """
        revision = Revision(self.tree.folder, base)
        names = frozenset(revision.names())
        for name, endpoint in self._apis(GraphEndpoint):
            from frontispiece.contracts.graphql import contract_of, places  # noqa: PLC0415 (only where there is one)

            schema, operations = places(name)
            if schema in names:
                persisted = revision.read(operations) if operations in names else None
                contract = contract_of(name, endpoint)
                yield from contract.changes(revision.read(schema), persisted, self.contracts.released, today)

    def graph_files(self, today: date) -> dict[Path, str]:
        """What the files of all GraphQL APIs must say, by their paths.

        Raises:
            ConfigError: an operation cannot be persisted.
        """
        found: dict[Path, str] = {}
        for _, endpoint in self._apis(GraphEndpoint):
            from frontispiece.contracts.graphql import files  # noqa: PLC0415 (only where there is one)

            found |= files(endpoint, self.contracts.released, today)
        return found

    def event_conflicts(self) -> dict[tuple[str, str], list[str]]:
        """What services read of events and commands that nobody sends, in words; nothing without any.

        A service declares its messages in the module `events` beside its factory's.
        """
        declared = {name: declared_in(module) for name, module in self._event_modules()}
        services = [name for name, classes in declared.items() if classes]
        return {(EVENTS, f"{len(services)} services"): disagreements_of_events(declared)} if services else {}

    def _event_modules(self) -> Iterator[tuple[str, ModuleType]]:
        for name, app in self.project.apps.items():
            package = (app.factory or "").partition(":")[0].rpartition(".")[0]
            if package and find_spec(f"{package}.events"):
                yield name, import_module(f"{package}.events")

    def usage(self, today: date) -> dict[str, list[FieldUse]]:
        """The fields that each provider offers, with the versions in the field that read them.

        Raises:
            ConfigError: a provider is no app with an OpenAPI document, or a contract does not fit it.
        """
        fielded = self.contracts.in_field(today)
        documents = self._openapi()
        found = {}
        for provider in dict.fromkeys(pact.provider for pact in fielded):
            if provider not in documents:
                raise ConfigError([f"{provider} is no app of frontispiece.toml with an OpenAPI document"])
            own = [pact for pact in fielded if pact.provider == provider]
            found[provider] = usage(documents[provider], own)
        return found

    def _staging(self) -> Staging:
        staging = attribute(self.stage)
        if not callable(staging):
            raise ConfigError([f"{self.stage} is no stage, but {type(staging).__name__}"])
        return cast(Staging, staging)


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
