"""What the shop's own commands of `front` share: consoles, tables, and how they fail."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from frontispiece.errors import ConfigError
from frontispiece.http import Problem

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

WIDE: Final = 1000
"""Columns where no terminal sets a limit."""


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command's work to its end; what it needs and is not there ends it with status 1."""
    try:
        asyncio.run(work)
    except (ConfigError, Problem, OSError) as error:
        fail(str(error))


def fail(message: str) -> NoReturn:
    """Print what is wrong, and end with status 1."""
    err.print(message, style="red", markup=False)
    raise typer.Exit(1)


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


def printable(text: str) -> str:
    """The text with `�` for characters that could control a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
