"""The commands about pages: `graph` and `explain`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontispiece.cli import completion
from frontispiece.cli.project import Project, find
from frontispiece.cli.terminal import (
    Data,
    Folder,
    Password,
    Routes,
    Url,
    data_folder,
    gateway_url,
    open_project,
    password_of,
)
from frontispiece.errors import ConfigError, UserError
from frontispiece.terminal import out, write_text

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route


def graph(
    page: Annotated[
        str | None,
        typer.Argument(
            help="One page, by its public path or APP:PATH, or all of an APP; every page when left out.",
            autocompletion=completion.paths,
        ),
    ] = None,
    mermaid: Annotated[
        Path | None, typer.Option(help="Write the text to a file instead of the terminal.")
    ] = None,
    project: Folder = None,
    routes: Routes = None,
) -> None:
    """Draw pages as graphs: one as Mermaid text, several as a Markdown page."""
    from frontispiece.cli.inspect.page_graph import draw, graphs, select  # noqa: PLC0415

    opened = open_project(project)
    drawn = graphs(opened, data_folder(opened, None), routes or opened.routes)
    shown = draw(drawn if page is None else select(drawn, page))
    if mermaid is not None:
        write_text(mermaid, shown)
    else:
        print(shown, end="")  # noqa: T201 (no terminal's width breaks its lines)


def explain(
    path: Annotated[
        str, typer.Argument(help="A page's public path, with its query.", autocompletion=completion.paths)
    ],
    url: Url = None,
    user: Annotated[
        str | None,
        typer.Option(help="Log in first: for a session where the route has one, else for a token."),
    ] = None,
    password: Password = None,
    html: Annotated[Path | None, typer.Option(help="Write the drawing to this file as well.")] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="'Name: value' of the request; repeatable.")
    ] = None,
    project: Folder = None,
    data: Data = None,
) -> None:
    """Run a page of the running project and draw where its time goes; exit with 1 when the page fails."""
    from frontispiece.cli.inspect import explain as explaining  # noqa: PLC0415
    from frontispiece.cli.inspect import explain_html  # noqa: PLC0415
    from frontispiece.cli.inspect.waterfall import waterfall  # noqa: PLC0415 (other commands start faster without)

    origin = gateway_url(url, project, data)
    headers = [explaining.header(text) for text in header or ()]
    if user is not None:
        opened = open_project(project)
        headers += login_headers(opened, origin, user, password, session=has_session(opened, path))
    try:
        explained = explaining.explain(origin, path, headers)
    except explaining.NoTimeline as error:
        raise UserError(_plain_route(project, path) or str(error)) from None
    if html is not None:
        write_text(html, explain_html.page(explained))
    for line in waterfall(explained, out.width):
        out.print(line)
    if explained.problem is not None:
        raise typer.Exit(1)


def _plain_route(project: Path | None, path: str) -> str | None:
    """That a path is a route to a service and no page, if the project's table says so."""
    try:
        opened = find(project)
        route = _route(opened, path)
    except ConfigError:  # the running project is another one
        return None
    if route is None or route.parts or route.to is None:
        return None
    app = opened.apps.get(route.to.service)
    if app is None or app.mounted:
        return None
    return (
        f"{route.path} is a route to the service {route.to.service}, and no page: it has no sources to draw. "
        "The console shows the traces of its calls, front routes what happens to them."
    )


def has_session(project: Project, path: str) -> bool:
    """Whether the route of a path takes a session.

    Raises:
        ConfigError: the route table has errors.
    """
    from frontispiece.gateway.config.route import Auth  # noqa: PLC0415 (other commands start faster without)

    route = _route(project, path)
    return route is not None and route.auth is Auth.SESSION


def _route(project: Project, path: str) -> "Route | None":
    """The route that answers a GET of a path."""
    from frontispiece.cli.route_table import load_table  # noqa: PLC0415 (other commands start faster without)
    from frontispiece.http.router import Matcher, MethodNotAllowed, Pattern, RouteNotFound  # noqa: PLC0415

    routes = [
        (Pattern(template=route.template, methods=route.methods), route)
        for route in load_table(project, project.routes).routes
    ]
    segments = path.partition("?")[0].removeprefix("/").split("/")
    try:
        return Matcher(routes).match("GET", "", segments).target
    except (RouteNotFound, MethodNotAllowed):
        return None


def login_headers(
    project: Project, url: str, user: str, password: str | None, *, session: bool, client: str | None = None
) -> list[tuple[str, str]]:
    """The headers of a user who has just logged in, for a session or by a token of a client.

    Raises:
        LoginFailed: the login did not succeed.
    """
    from frontispiece.login import flow  # noqa: PLC0415

    if project.login is None:
        raise UserError(
            "frontispiece.toml has no [login]: it names the issuer and the client. "
            "A token of your own is written as -H 'Authorization: Bearer …'."
        )
    try:
        login = project.login.by(client)
    except KeyError:
        raise UserError(f"frontispiece.toml has no client {client} in [login.clients].") from None
    secret = password_of(project, user, password)
    return flow.login_headers(url, login, user, secret, session=session)
