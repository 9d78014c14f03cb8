"""A page's timeline as one self-contained HTML page: no script, no font, no network."""

from io import StringIO

import msgspec
from rich.console import Console
from rich.text import Text

from frontispiece.cli.inspect.waterfall import waterfall
from frontispiece.cli.text import printable
from frontispiece.pages.timeline import PageTrace

WIDTH = 160
"""Of the drawing, in characters."""


def page(explained: PageTrace) -> str:
    """The drawing of the terminal, and below it what the page answered."""
    console = Console(record=True, file=StringIO(), width=WIDTH, force_terminal=True)
    for line in waterfall(explained, WIDTH):
        console.print(line)
    for name, document in (("View", explained.view), ("Problem", explained.problem)):
        if document is not None:
            written = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
            console.print(Text(f"\n{name}", "bold"))
            console.print(Text("\n".join(map(printable, written.split("\n")))))
    return console.export_html()
