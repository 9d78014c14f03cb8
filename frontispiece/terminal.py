"""The console and the tables of `front`'s commands, for those of a project as well.

Stability: provisional.
"""

from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from frontispiece.errors import UserError

__all__ = ["add_row", "new_table", "out", "print_table", "printable", "write_text"]

out = Console(soft_wrap=True)
"""Standard output."""

WIDE: Final = 1000
"""Columns where no terminal sets a limit."""


def new_table(*headings: str, title: str | None = None) -> Table:
    """A table whose cells are never cut."""
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def add_row(table: Table, *cells: str) -> None:
    """Add a row that shows texts as they are: what users wrote is no markup, and controls no terminal."""
    table.add_row(*(Text(printable(cell)) for cell in cells))


def print_table(table: Table) -> None:
    """Print a table; a row is one line where no terminal sets a limit."""
    if not out.is_terminal:
        out.width = WIDE
    out.print(table)


def printable(text: str) -> str:
    """The text with `�` for characters that could control a terminal or break a document."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def write_text(file: Path, text: str) -> None:
    """Write a file that an option names.

    Raises:
        UserError: it cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}") from None
