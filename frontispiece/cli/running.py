"""The commands that talk to a running project: `import`, `login` and `reload`."""

from pathlib import Path
from typing import Annotated

import typer

from frontispiece.cli.pages import login_headers
from frontispiece.cli.terminal import (
    Data,
    Folder,
    Password,
    Url,
    gateway_url,
    open_project,
    print_done,
)
from frontispiece.errors import UserError

AdminAddress = Annotated[
    str | None,
    typer.Option(
        help="host:port of the gateway's admin port; by default that of the project's front up.",
        envvar="GATEWAY_ADMIN",
    ),
]


def import_file(
    file: Annotated[Path, typer.Argument(help="What is sent to the project's import endpoint, as it is.")],
    url: Url = None,
    user: Annotated[
        str | None,
        typer.Option(help="Who logs in for it; by default the user that frontispiece.toml names."),
    ] = None,
    password: Password = None,
    path: Annotated[
        str | None,
        typer.Option(help="The endpoint, with its query; by default the project's."),
    ] = None,
    project: Folder = None,
    data: Data = None,
) -> None:
    """Send a file to the running project's import endpoint, and show the rows and fields that it rejects."""
    from frontispiece.cli.client.importer import send  # noqa: PLC0415 (other commands start faster without)

    opened = open_project(project)
    if (target := opened.import_) is None:
        raise UserError("frontispiece.toml has no [import]: it names the endpoint.")
    who, origin = user or target.user, gateway_url(url, project, data)

    def credentials() -> list[tuple[str, str]]:
        return login_headers(opened, origin, who, password, session=False) if who else []

    try:
        answer = send(file, f"{origin}{path or target.path}", credentials)
    except UserError as error:
        raise UserError(f"{error}\nNothing was imported.") from None
    print_done(f"{file} was imported: {answer}")


def login(
    user: Annotated[str, typer.Argument(help="The name at the project's issuer.")],
    url: Url = None,
    password: Password = None,
    project: Folder = None,
    data: Data = None,
    client: Annotated[
        str | None,
        typer.Option(help="The client that gets the token: one of `\\[login.clients]`.", metavar="NAME"),
    ] = None,
    *,
    session: Annotated[
        bool, typer.Option("--session", help="Print the Cookie header of a browser's session instead.")
    ] = False,
) -> None:
    """Log in at the running project and print an access token, or the Cookie header of a session."""
    origin, opened = gateway_url(url, project, data), open_project(project)
    (_, value), *_ = login_headers(opened, origin, user, password, session=session, client=client)
    print(value.removeprefix("Bearer "))  # noqa: T201 (bare, to be captured by a shell)


def reload_table(
    admin: AdminAddress = None,
    workers: Annotated[
        int, typer.Option(help="The gateway's workers; their admin ports follow each other.", min=1)
    ] = 1,
    project: Folder = None,
    data: Data = None,
) -> None:
    """Have the running gateway reload its route table; exit with 1 when that has errors."""
    from frontispiece.cli.client.admin import find_address, reload  # noqa: PLC0415 (other commands start faster without)

    where, token = find_address(admin, project, data)
    for port, outcome in reload(where, workers, token).items():
        print_done(f"{port}: {outcome}")
