"""`front new`: a page, a client, a service, a route or a layer in a project, wired and with its test."""

import re
from typing import Annotated, Final, Literal

import typer

from frontispiece.cli import completion
from frontispiece.cli.project import Project
from frontispiece.cli.scaffold.addition import Addition, values
from frontispiece.cli.scaffold.wiring import with_page
from frontispiece.cli.terminal import Folder, open_project
from frontispiece.errors import UserError, nearest
from frontispiece.gateway.config.service import DEFAULT_READINESS_PATH
from frontispiece.settings import PROJECT_FILE
from frontispiece.terminal import out

FACTORY: Final = ".app:create_app"
PARAMETER: Final = re.compile(r"\{[^{}]*\}")

app = typer.Typer(
    no_args_is_help=True,
    help="Add something to a project, wired and with its test; nothing is written if it would cause errors.",
)

Name = Annotated[str, typer.Argument(help="In small letters, words with hyphens between them.")]


def page(
    ctx: typer.Context,
    name: Name,
    bff: Annotated[
        str | None,
        typer.Option(help="The app that serves it, if there are several.", autocompletion=completion.bffs),
    ] = None,
    project: Folder = None,
) -> None:
    """Add a page to a BFF, with its route and its test: in its folder `pages` or `screens`, which it has."""
    opened = open_project(project)
    serving, package = _bff(opened, bff, f"{ctx.info_name}s")
    folder = _folder_of_pages(opened, package)
    prefix = package.rpartition(".")[2]
    added = values(name, is_module=False, bff=serving, package=package, prefix=prefix)
    module = added["module"]
    addition = Addition(opened, added)
    addition.create(f"{package.replace('.', '/')}/{folder}/{module}.py", "page.py.txt")
    addition.create(f"tests/test_{prefix}_{module}.py", "test_page.py.txt")
    addition.append(opened.routes, "page_route.toml.txt")
    wiring = opened.folder / package.replace(".", "/") / "app.py"
    addition.change(wiring, with_page(addition.text(wiring), f"{package}.{folder}", module))
    addition.write()
    _say_path(f"/{prefix}/{name}/1")


app.command("page")(page)
app.command("screen", help="The same as page; of several BFFs the one that has a folder `screens`.")(page)


@app.command()
def client(name: Name, project: Folder = None) -> None:
    """Add a BFF for a further client, such as mobile: with its route, its first page and its test."""
    opened = open_project(project)
    parents = {package.rpartition(".")[0] for package in _packages(opened).values()}
    parent = parents.pop() if len(parents) == 1 else ""
    package = ".".join(filter(None, [parent, name.replace("-", "_")]))
    folder, bff = package.replace(".", "/"), package.replace(".", "-").replace("_", "-")
    _not_taken(opened, bff)
    added = values(name, is_module=not parent)
    added |= {"bff": bff, "package": package, "prefix": name}
    added["imports"] = "\n".join(
        sorted([f"from {package}.pages import home", "from frontispiece.pages import bff"])
    )
    addition = Addition(opened, added)
    addition.create(f"{folder}/__init__.py", "client.py.txt")
    addition.create(f"{folder}/app.py", "client_app.py.txt")
    addition.create(f"{folder}/pages/__init__.py", "client_pages.py.txt")
    addition.create(f"{folder}/pages/home.py", "client_home.py.txt")
    addition.create(f"tests/test_{added['module']}_home.py", "test_client.py.txt")
    addition.append(opened.folder / PROJECT_FILE, "client.toml.txt")
    addition.append(opened.routes, "client_route.toml.txt")
    addition.write()
    _say_path(f"/{name}/home")
    _say_compose(f'"{bff}": "app://{package}{FACTORY}"')


@app.command()
def service(name: Name, project: Folder = None) -> None:
    """Add a fake service in place of one of yours, with a route to it and its test."""
    opened = open_project(project)
    _not_taken(opened, name)
    added = values(name)
    addition = Addition(opened, added)
    addition.create(f"services/{added['module']}.py", "service.py.txt")
    addition.create(f"tests/test_{added['module']}_service.py", "test_service.py.txt")
    addition.append(opened.folder / PROJECT_FILE, "service.toml.txt")
    addition.append(opened.routes, "service_route.toml.txt")
    addition.write()
    _say_path(f"/api/{name}/1")
    _say_compose(f'"{name}": "http://{name}:8000", and its container')


@app.command()
def route(
    path: Annotated[str, typer.Argument(help="The public path: '/api/things/{thing_id}'.")],
    to: Annotated[
        str | None, typer.Option(help="SERVICE or SERVICE:/PATH; the only service, by the same path.")
    ] = None,
    method: Annotated[list[str] | None, typer.Option(help="A method, GET by default; repeatable.")] = None,
    auth: Annotated[Literal["none", "bearer"], typer.Option(help="Who may call it.")] = "none",
    project: Folder = None,
) -> None:
    """Add a route to the table, with its test."""
    opened = open_project(project)
    words = re.findall(r"[a-z0-9]+", path.lower())
    if not words:
        raise UserError(f"{path!r} has no word to call its test by: write a path such as /api/things.")
    serving, target = _target(opened, to, path)
    methods = [each.upper() for each in method or ["GET"]]
    added = {
        "route": path,
        "module": "_".join(words),
        "routes_file": str(opened.gateway.routes),
        "service": serving,
        "service_module": serving.replace("-", "_"),
        "to": f"{serving}:{target}" if target != path else serving,
        "health": _health(project=opened, service=serving),
        "auth": auth,
        "methods": "" if methods == ["GET"] else f"methods = {methods}\n".replace("'", '"'),
        "method": methods[0],
        "requested": PARAMETER.sub("1", path),
        "reached": PARAMETER.sub("1", target),
        "fixture": "\n    access_tokens: AccessTokens," if auth == "bearer" else "",
        "imported": "AccessTokens, " if auth == "bearer" else "",
        "headers": ', headers=access_tokens.bearer("reader")' if auth == "bearer" else "",
    }
    addition = Addition(opened, added)
    addition.create(f"tests/test_route_{added['module']}.py", "test_route.py.txt")
    if f"[services.{serving}]" not in addition.text(opened.routes):
        addition.append(opened.routes, "route_service.toml.txt")
    addition.append(opened.routes, "route.toml.txt")
    addition.write()


def layer(name: Name, project: Folder = None) -> None:
    """Add a layer of the project's own, with its test; routes have it by `layers.NAME`."""
    opened = open_project(project)
    added = values(name)
    addition = Addition(opened, added)
    addition.create(f"{added['module']}.py", "layer.py.txt")
    addition.create(f"tests/test_{added['module']}.py", "test_layer.py.txt")
    addition.append(opened.folder / PROJECT_FILE, "layer.toml.txt")
    addition.write()
    out.print(f"\nA route has it by [bold]layers.{added['module']} = {{}}[/].", highlight=False)


app.command("layer")(layer)
app.command("policy", help="The same as layer.")(layer)


def _not_taken(project: Project, name: str) -> None:
    if name in project.apps:
        raise UserError(f"There is an app {name} in {PROJECT_FILE} already.")


def _packages(project: Project) -> dict[str, str]:
    """The packages of the BFFs, by their names: mounted apps with a factory PACKAGE.app:create_app."""
    return {
        name: app.factory.removesuffix(FACTORY)
        for name, app in project.apps.items()
        if app.factory and app.mounted and app.factory.endswith(FACTORY)
    }


def _bff(project: Project, named: str | None, folder: str) -> tuple[str, str]:
    """The name of the BFF that gets a page, and its package: of several, the one that has such a folder."""
    packages = _packages(project)
    if named is not None:
        if named not in packages:
            found = ", ".join(packages) or "none"
            raise UserError(f"There is no BFF {named!r}: those of the project are {found}.")
        return named, packages[named]
    having = [
        name
        for name, package in packages.items()
        if (project.folder / package.replace(".", "/") / folder).is_dir()
    ]
    chosen = having if len(packages) > 1 else list(packages)
    if len(chosen) != 1:
        found = ", ".join(packages) or "none"
        raise UserError(f"Name the BFF by --bff: those of the project are {found}.")
    return chosen[0], packages[chosen[0]]


def _folder_of_pages(project: Project, package: str) -> str:
    """The folder that a BFF's pages are in: `screens` where it has one, else `pages`."""
    return "screens" if (project.folder / package.replace(".", "/") / "screens").is_dir() else "pages"


def _target(project: Project, to: str | None, path: str) -> tuple[str, str]:
    """The service and the path there that a route leads to."""
    services = [name for name, each in project.apps.items() if not each.mounted]
    if to is None:
        if len(services) != 1:
            found = ", ".join(services) or "none"
            raise UserError(f"Name the service by --to SERVICE or SERVICE:/PATH: there are {found}.")
        to = services[0]
    name, _, there = to.partition(":")
    if name not in project.apps:
        raise UserError(f"There is no app {name!r} in {PROJECT_FILE}{nearest(name, project.apps)}")
    return name, there or path


def _health(project: Project, service: str) -> str:
    """The line of a service's health check, where its app answers it at another path than by default."""
    path = project.apps[service].health
    return f'\nhealth = {{ path = "{path}" }}' if path not in {None, DEFAULT_READINESS_PATH} else ""


def _say_path(path: str) -> None:
    out.print(f"\nfront up serves it at [bold]{path}[/].", highlight=False)


def _say_compose(line: str) -> None:
    out.print(f"In production SERVICES of the gateway needs it, too: {line}.", highlight=False)
