"""`front services` and `front scale`: the instances of a running project's services."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from frontispiece.cli.project import Project
from frontispiece.cli.running import AdminAddress
from frontispiece.cli.terminal import Data, Folder, data_folder, open_project, print_done
from frontispiece.errors import ConfigError, UserError, nearest
from frontispiece.extras import MissingExtra, check_extra
from frontispiece.server import GATEWAY
from frontispiece.settings import PROJECT_FILE, RegistrySettings
from frontispiece.terminal import new_table, print_table

SCALE_TIMEOUT: Final = 60.0
"""Seconds in which new instances are registered, and others have left."""

HEADINGS: Final = (
    *("service", "address", "zone", "version", "weight"),
    *("registered", "health", "in flight", "ejections"),
)

_SCALE: Final = re.compile(r"([a-z][a-z0-9_-]*)=([1-9][0-9]?)")


def services(
    admin: AdminAddress = None,
    project: Folder = None,
    data: Data = None,
) -> None:
    """List the instances of all services: health, calls in flight and ejections, as the gateway sees them."""
    from frontispiece.cli.client.admin import find_address, request  # noqa: PLC0415

    rows = request("GET", *find_address(admin, project, data), "/admin/services")
    table = new_table(*HEADINGS)
    for row in rows:
        table.add_row(
            *(escape(str(row[key])) for key in ("service", "address", "zone", "version")),
            f"{row['weight']:g}",
            "yes" if row["registered"] else "no",
            "[green]healthy[/]" if row["healthy"] else "[red]unhealthy[/]",
            *(str(row[key]) for key in ("in_flight", "ejections")),
        )
    print_table(table)


def scale(
    wanted: Annotated[list[str], typer.Argument(metavar="SERVICE=COUNT...", help="Such as notes=3.")],
    project: Folder = None,
    data: Data = None,
) -> None:
    """Run this many instances of services under front up; returns once the registry lists them."""
    opened = open_project(project)
    folder = data_folder(opened, data)
    counts: dict[str, int] = {}
    for text in wanted:
        if (match := _SCALE.fullmatch(text)) is None:
            raise UserError(f"{text} is not of the form SERVICE=COUNT, with a count from 1 to 99.")
        counts[match[1]] = int(match[2])
    errors = [error for name in counts if (error := _why_not(opened, name))]
    if errors := errors or [*_missing(opened, folder, counts)]:
        raise ConfigError(errors)
    asyncio.run(_scale(opened, folder, counts))


def _why_not(project: Project, name: str) -> str | None:
    """Why an app cannot have several instances; None when it can."""
    if (app := project.apps.get(name)) is None:
        behind = "one address, which no balancer shares out in a run: front serve has --workers"
        return (
            f"{name} has {behind}"
            if name == GATEWAY
            else f"there is no app {name}{nearest(name, project.apps)}"
        )
    if app.mounted or not app.program:
        return f"{name} is no service of its own that front up starts: only those have instances"
    if shared := [each for each, text in app.addresses.items() if "${run}" not in text]:
        return f"instances of {name} would share {', '.join(shared)}: ${{run}} in it is each one's own folder"
    if app.single:
        return f"{name} has data that one process opens (single in frontispiece.toml)"
    return None


def _missing(project: Project, data: Path, names: Iterable[str]) -> Iterator[str]:
    """What instances need, and the run that has a data folder does not have: extras and a registry."""
    from frontispiece.cli.run.data_folder import is_in_use  # noqa: PLC0415
    from frontispiece.cli.run.nats import server_binary  # noqa: PLC0415

    if not is_in_use(data):
        yield f"no front up or front dev runs on {data}: start it, or name its folder by --data"
    try:
        check_extra("events", "nats")
    except ValueError as error:
        yield str(error)
    if RegistrySettings().url:
        return
    file = project.folder / PROJECT_FILE
    for section, name, does in [
        *(("[environment]", name, "is in the registry") for name in names),
        ("[gateway.environment]", "the gateway", "watches it"),
    ]:
        if not project.declared(name if name in project.apps else GATEWAY).get("REGISTRY_URL"):
            yield f'{section} of {file} lacks REGISTRY_URL = "${{nats}}", by which {name} {does}'
    if "${nats}" in project.declared(GATEWAY).get("REGISTRY_URL", "${nats}"):
        try:
            server_binary()
        except MissingExtra as error:
            yield str(error)


def _registry_of(project: Project, data: Path) -> str:
    """The URL of the registry of the run that has a data folder.

    Raises:
        ConfigError: its NATS server does not run.
    """
    from frontispiece.cli.run.nats import NAME, read_addresses  # noqa: PLC0415

    declared = RegistrySettings().url or project.declared(GATEWAY)["REGISTRY_URL"]
    if "${nats}" not in declared:
        return declared
    if (embedded := read_addresses(data / NAME.lower())) is None:
        without = f"REGISTRY_URL is not set, and the run on {data} has no NATS server of its own"
        raise ConfigError([f"{without}: start it again, or set REGISTRY_URL as there"])
    return embedded.url


async def _scale(project: Project, data: Path, counts: dict[str, int]) -> None:
    from frontispiece.cli.run.scaling import scale as write  # noqa: PLC0415
    from frontispiece.registry import open_registry  # noqa: PLC0415 (an extra)

    async with open_registry(_registry_of(project, data)) as registry:
        write(data, counts)
        for name, count in counts.items():
            there = 0
            try:
                async with asyncio.timeout(SCALE_TIMEOUT):
                    async for instances in registry.watch(name):
                        there = len(instances)
                        if there == count:
                            break
            except TimeoutError:
                late = f"{name} has {there} instances in the registry after {SCALE_TIMEOUT:g} s, not {count}"
                raise ConfigError([f"{late}: see {data}/logs/{name}-*.log"]) from None
            print_done(f"{name}: {count} instance{'s' if count > 1 else ''}")
