"""A page's timeline as one self-contained HTML page: no script, no font, no network."""

from html import escape
from io import StringIO

import msgspec
from rich.console import Console

from frontispiece.cli.inspect.waterfall import waterfall
from frontispiece.pages.timeline import PageTrace
from frontispiece.terminal import printable

WIDTH = 160
"""The width of the drawing in characters."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(explained: PageTrace) -> str:
    """The drawing of the terminal, and below it what the page answered."""
    lines = [*waterfall(explained, WIDTH)]
    console = Console(record=True, file=StringIO(), width=WIDTH, force_terminal=True)
    for line in lines:
        console.print(line)
    drawn = console.export_html(code_format="<style>{stylesheet}</style>\n<pre>{code}</pre>")
    for name, document in (("View", explained.view), ("Problem", explained.problem)):
        if document is not None:
            written = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
            text = "\n".join(map(printable, written.split("\n")))
            drawn += f"\n<h2>{name}</h2>\n<pre>{escape(text)}</pre>"
    return f"""<!DOCTYPE html>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(lines[0].plain)}</title>
{drawn}
"""
