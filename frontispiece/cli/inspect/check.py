"""Every error of a project, before anything is served."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from frontispiece.cli.project import Project
from frontispiece.cli.route_table import layers_of, load_table
from frontispiece.cli.run.environment import Run, variables
from frontispiece.cli.run.process_layouts import program
from frontispiece.cli.run.secrets import generate
from frontispiece.errors import ConfigError, nearest
from frontispiece.factories import create
from frontispiece.gateway.config.audit import Finding, Severity
from frontispiece.gateway.config.service import DEFAULT_READINESS_PATH
from frontispiece.gateway.config.source import Lines
from frontispiece.gateway.config.table import Table
from frontispiece.gateway.edge import Gateway
from frontispiece.gateway.grpc.clusters import clusters
from frontispiece.gateway.grpc.data_plane import native_services
from frontispiece.gateway.settings import unknown_variables
from frontispiece.http.asgi import App
from frontispiece.pages.app import PageApp
from frontispiece.server import GATEWAY
from frontispiece.settings import value_of

SOMEWHERE = "127.0.0.1:1"
"""Stands for addresses that are known only while the project runs."""


def find_errors(project: Project, data: Path, routes: Path) -> list[str]:
    """The errors of a project as `front up` would run it: settings, programs, route table and pages."""
    run = simulated(project, data, routes)
    found: list[str] = []
    factories = project.factories
    try:
        layers_of(project)
    except ConfigError as error:  # no table can be read without its layers
        found += error.errors
        del factories[GATEWAY]
    mounted: set[str] = set()
    served: dict[str, PageApp] = {}
    for name in factories:
        try:
            if name == GATEWAY:  # the last: it mounts those that have no errors
                there = {app: run.hosts[app] for app in run.hosts.keys() - mounted}
                gateway = make_app(replace(run, hosts=there), name)
                found += uncallable_services(gateway, routes) if isinstance(gateway, Gateway) else ()
            else:
                if isinstance(app := make_app(run, name), PageApp):
                    served[name] = app
                    for api in app.apis:
                        api.check()
                if project.apps[name].mounted:
                    mounted.add(name)
        except ConfigError as error:
            found += [_located(project, name, routes, line) for line in error.errors]
    if GATEWAY in factories:
        with suppress(ConfigError):  # the gateway has named what is wrong with the table
            found += missing_pages(load_table(project, routes), routes, served)
    return found + [project.located(error) for error in project_errors(project, run)]


def project_errors(project: Project, run: Run) -> Iterator[str]:
    """Programs that cannot be started, and variables of the gateway that are no settings."""
    for name, app in project.apps.items():
        try:
            if app.command:
                program(project, name, run.values(name))
        except ConfigError as error:
            yield from error.errors
    for unknown in unknown_variables(project.gateway.environment, ("GATEWAY_", "ISSUER_", "SESSION_")):
        yield f"gateway.environment.{unknown.replace(' ', ': it ', 1)}"


def _located(project: Project, name: str, routes: Path, error: str) -> str:
    """An error of an app with its place in a file, or else with the app's name."""
    if PLACED.match(error):
        return error
    subject, _, rest = error.partition(": ")
    section = "gateway" if name == GATEWAY else f"apps.{name}"
    if error.startswith(project.factories[name]):
        return project.located(f"{section}.factory: {error}")
    if subject in project.programs[name].environment and not value_of(subject):
        return project.located(f"{section}.environment.{error}")
    if subject in project.environment and name != GATEWAY and not value_of(subject):
        return project.located(f"environment.{error}")
    if subject == "services" and name == GATEWAY:
        service = rest.partition(": ")[0]
        line = Lines(routes.read_text(encoding="utf-8")).of(("services", service, "url"))
        return f"{routes}:{line}: {error}"
    return f"{name}: {error}"


PLACED: Final = re.compile(r"\S+\.(py|toml)(:\d+)*: ")
"""An error that names its file."""


def missing_pages(table: Table, file: Path, served: Mapping[str, PageApp]) -> Iterator[str]:
    """Routes to pages that a BFF does not have."""
    lines = Lines(file.read_text(encoding="utf-8"))
    for number, route in enumerate(table.routes):
        urls = table.services[route.to.service].url if route.to else ()
        app = served.get(urls[0].removeprefix("registry://")) if len(urls) == 1 else None
        if app is None or route.to is None or "path}" in str(route.target):
            continue
        path = PLACEHOLDER.sub("1", str(route.target))
        if not any(app.serves(method, path) for method in route.methods):
            near = nearest(str(route.target), {plan.page.path for plan in app.plans})
            line = lines.of(("routes", number, "to"))
            yield (
                f"{file}:{line}: route {number + 1} ({route.path}): to: {route.to.service} has no page "
                f"{' or '.join(route.methods)} {route.target}{near}"
            )


def uncallable_services(gateway: Gateway, file: Path) -> Iterator[str]:
    """Services of native gRPC at addresses that Envoy cannot call."""
    lines = Lines(file.read_text(encoding="utf-8"))
    for name, places in native_services(gateway.snapshot).items():
        try:
            clusters([(name, places)])
        except ConfigError as error:
            service = name.partition("@")[0]
            line = lines.of(("services", service, "url"))
            yield from (f"{file}:{line}: services: {service}: url: {text}" for text in error.errors)


PLACEHOLDER: Final = re.compile(r"\{\w+\}")


def unequal_health_checks(project: Project, table: Table) -> Iterator[Finding]:
    """Services for which the gateway checks the default path, while their apps have another one."""
    for name, service in table.services.items():
        for url in service.url:
            app = project.apps.get(url.removeprefix("registry://"))
            path = app.health if app else None
            if service.health is None and path not in {None, DEFAULT_READINESS_PATH}:
                yield Finding(
                    Severity.WARNING,
                    f"services.{name}",
                    f'the gateway asks {DEFAULT_READINESS_PATH}, but [apps] has health = "{path}": '
                    f'write health = {{ path = "{path}" }} here, too',
                )


def make_app(run: Run, name: str) -> App:
    """The app of a factory, made in its environment.

    Raises:
        ConfigError: its settings, route table or pages have errors.
    """
    of_run = run.process_environment(name)
    with variables({**of_run, "REGISTRY_URL": "off"}):  # what nobody has registered yet is in SERVICES
        return create(run.project.factories[name])


def apps(project: Project, data: Path, routes: Path) -> Iterator[tuple[str, App]]:
    """Every app with a factory except the gateway, by name, to be looked at and not served.

    Raises:
        ConfigError: one of them has errors.
    """
    run = simulated(project, data, routes)
    for name in project.factories:
        if name != GATEWAY:
            yield name, make_app(run, name)


def simulated(project: Project, data: Path, routes: Path) -> Run:
    """A run that makes nothing on disk, with secrets and addresses that lead nowhere."""
    return Run(
        project=project,
        data=data,
        private=Path("/run"),
        hosts=dict.fromkeys(project.programs, SOMEWHERE),
        valkey="unix:///valkey.sock",
        nats="nats://somewhere",
        nats_monitor="http://somewhere",
        secrets=generate(project),
        routes=routes,
        given=dict(os.environ),
        admin=None,
    )
