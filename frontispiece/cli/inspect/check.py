"""Every error of a project, before anything is served."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from frontispiece.cli.project import Project
from frontispiece.cli.run.environment import Run, variables
from frontispiece.cli.run.process_layouts import program
from frontispiece.cli.run.secrets import generate
from frontispiece.cli.tables import layers_of
from frontispiece.errors import ConfigError
from frontispiece.factories import create
from frontispiece.http.asgi import App
from frontispiece.server import GATEWAY

SOMEWHERE = "127.0.0.1:1"
"""Stands for addresses that are known only while the project runs."""


def find_errors(project: Project, data: Path, routes: Path) -> list[str]:
    """The errors of a project as `front up` would run it: settings, programs, route table and pages."""
    run = simulated(project, data, routes)
    found = layer_errors(project)
    factories = project.factories
    if found:  # no table can be read without its layers
        del factories[GATEWAY]
    mounted: set[str] = set()
    for name in factories:
        try:
            if name == GATEWAY:  # the last: it mounts those that have no errors
                made(replace(run, hosts={app: run.hosts[app] for app in run.hosts.keys() - mounted}), name)
            else:
                made(run, name)
                if project.apps[name].mounted:
                    mounted.add(name)
        except ConfigError as error:
            place = str(routes) if name == GATEWAY else name
            found += [f"{place}: {line}" for line in error.errors]
    for name, app in project.apps.items():
        if app.command:
            try:
                program(project, name, run.values(name))
            except ConfigError as error:
                found += error.errors
    return found


def layer_errors(project: Project) -> list[str]:
    """What is wrong with the layers that a project declares."""
    try:
        layers_of(project)
    except ConfigError as error:
        return error.errors
    return []


def made(run: Run, name: str) -> App:
    """The app of a factory, made in its environment.

    Raises:
        ConfigError: its settings, route table or pages have errors.
    """
    with variables(run.process_environment(name)):
        return create(run.project.factories[name])


def apps(project: Project, data: Path, routes: Path) -> Iterator[tuple[str, App]]:
    """Every app with a factory except the gateway, by name, to be looked at and not served.

    Raises:
        ConfigError: one of them has errors.
    """
    run = simulated(project, data, routes)
    for name in project.factories:
        if name != GATEWAY:
            yield name, made(run, name)


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
