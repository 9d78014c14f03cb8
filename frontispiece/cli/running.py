"""The commands that log in at a running project: `import` and `login`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from frontispiece.cli.pages import login_headers
from frontispiece.cli.terminal import URL, Folder, Password, Url, fail, open_project, out


def import_file(
    file: Annotated[Path, typer.Argument(help="What is sent to the project's import endpoint, as it is.")],
    url: Url = URL,
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
) -> None:
    """Send a file to the running project's import endpoint, and show the rows and fields that it rejects."""
    from frontispiece.cli.client.importer import ImportFailed, send  # noqa: PLC0415
    from frontispiece.cli.client.login import LoginFailed  # noqa: PLC0415

    opened = open_project(project)
    if (target := opened.import_) is None:
        fail("frontispiece.toml has no [import]: it names the endpoint.")
    who = user or target.user

    def credentials() -> list[tuple[str, str]]:
        return login_headers(opened, url, who, password, session=False) if who else []

    try:
        answer = send(file, f"{url}{path or target.path}", credentials)
    except (ImportFailed, LoginFailed) as error:
        fail(f"{error}\nNothing was imported.")
    out.print(f"[green]✓[/] {escape(str(file))} was imported: {escape(answer)}", highlight=False)


def login(
    user: Annotated[str, typer.Argument(help="The name at the project's issuer.")],
    url: Url = URL,
    password: Password = None,
    project: Folder = None,
    *,
    session: Annotated[
        bool, typer.Option("--session", help="Print the Cookie header of a browser's session instead.")
    ] = False,
) -> None:
    """Log in at the running project and print an access token, or the Cookie header of a session."""
    from frontispiece.cli.client.login import LoginFailed  # noqa: PLC0415

    try:
        (_, value), *_ = login_headers(open_project(project), url, user, password, session=session)
    except LoginFailed as error:
        fail(str(error))
    print(value.removeprefix("Bearer "))  # noqa: T201 (bare, to be captured by a shell)
