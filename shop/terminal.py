"""What the shop's own commands of `front` share: the console, tables, and how they run."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec

from rich.console import Console
from rich.table import Table
from rich.text import Text

from frontispiece.errors import UserError
from frontispiece.http import Problem

out = Console(soft_wrap=True, highlight=False)

Parameters = ParamSpec("Parameters")

WIDE: Final = 1000
"""Columns where no terminal sets a limit."""


def asynchronous(work: Callable[Parameters, Coroutine[Any, Any, None]]) -> Callable[Parameters, None]:
    """A command that runs this to its end; a database that does not serve is a `UserError`."""

    @wraps(work)
    def command(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            asyncio.run(work(*args, **kwargs))
        except Problem as error:
            raise UserError(str(error)) from None

    return command


def new_table(*headings: str) -> Table:
    """A table whose cells are never cut."""
    table = Table()
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def add_row(table: Table, *cells: str) -> None:
    """Add a row that shows texts as they are: what customers wrote is no markup, and controls no terminal."""
    table.add_row(*(Text(printable(cell)) for cell in cells))


def print_table(table: Table) -> None:
    """Print a table; a row is one line where no terminal sets a limit."""
    if not out.is_terminal:
        out.width = WIDE
    out.print(table)


def write_text(file: Path, text: str) -> None:
    """Write a file that an option names."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}") from None


def printable(text: str) -> str:
    """The text with `�` for characters that could control a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
