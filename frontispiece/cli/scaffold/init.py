"""`front init`: a project that runs and has tests, to begin with."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Annotated, Final

import typer
from rich.markup import escape

from frontispiece.errors import UserError
from frontispiece.terminal import out

RENAMED: Final = {"dockerignore": ".dockerignore", "gitignore": ".gitignore"}
"""Names that would have a meaning of their own in the package."""

LEFT_OUT: Final = "__pycache__"


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder that is empty or does not exist yet.")
    ],
) -> None:
    """Write a new project: a gateway, a BFF with one page, a service to talk to, tests, an image."""
    try:
        written = write_project(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error}") from None
    for path in written:
        out.print(f"  {escape(str(folder / path))}", highlight=False)
    out.print(
        f"\nNow: [bold]cd {escape(str(folder))} && make run[/], or [bold]make test[/].", highlight=False
    )


def write_project(folder: Path) -> list[Path]:
    """Write the files of a new project; returns their paths in the folder.

    Raises:
        UserError: there are files in the folder.
        OSError: it cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty: a new project needs a folder of its own.")
    written = []
    for path, file in _files(files(__package__) / "project", PurePosixPath()):
        target = folder / path.with_name(RENAMED.get(path.name, path.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
        written.append(target.relative_to(folder))
    return written


def _files(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.name == LEFT_OUT:
            continue
        if entry.is_dir():
            yield from _files(entry, path / entry.name)
        else:
            yield path / entry.name, entry
