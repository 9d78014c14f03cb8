"""The commands that look into pages."""

from pathlib import Path
from typing import Annotated

import typer

from front.caller import Client, Password, headers_of
from front.terminal import ROUTES, URL, Routes, Url, fail, out
from kit.faults import Faulty


def graph(
    page: Annotated[
        str | None, typer.Argument(help="One page, such as web:/products/{sku}; all when left out.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(help="Write pictures instead: a file, or a folder for several pages.")
    ] = None,
    mermaid: Annotated[
        Path | None, typer.Option(help="Write the text to a file instead of the terminal.")
    ] = None,
    routes: Routes = ROUTES,
) -> None:
    """Draw pages as graphs: one as Mermaid text, several as a Markdown page of such."""
    from front.graph import NoSuchPage, chosen, graphs, text  # noqa: PLC0415
    from front.graph_svg import write  # noqa: PLC0415

    try:
        drawn = graphs(routes) if page is None else chosen(graphs(routes), page)
        if mermaid is not None:
            mermaid.write_text(text(drawn), encoding="utf-8")
        if svg is not None:
            write(drawn, svg)
    except (NoSuchPage, Faulty, OSError) as fault:
        fail(str(fault))
    if mermaid is None and svg is None:
        print(text(drawn), end="")  # noqa: T201 (bare: no terminal's width breaks its lines)


def explain(
    path: Annotated[str, typer.Argument(help="A page, as clients ask for it: /web/products/PENS-004.")],
    url: Url = URL,
    user: Annotated[
        str | None, typer.Option(help="Log in first, for the client whose page it is: web or mobile.")
    ] = None,
    password: Password = None,
    html: Annotated[Path | None, typer.Option(help="Write the drawing to this file as well.")] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="'Name: value', to be sent along; repeatable.")
    ] = None,
) -> None:
    """Run a page of the running shop and draw where its time goes; exit with 1 when the page fails."""
    from front import explain as asking  # noqa: PLC0415
    from front import explain_html  # noqa: PLC0415
    from front.login import LoginFailed  # noqa: PLC0415
    from front.waterfall import waterfall  # noqa: PLC0415

    try:
        headers = [asking.header(text) for text in header or ()]
        if user is not None:
            client = Client.WEB if path.startswith("/web/") else Client.MOBILE
            headers += headers_of(client, url, user, password)
        explained = asking.explain(url, path, headers)
        if html is not None:
            html.write_text(explain_html.page(explained), encoding="utf-8")
    except (asking.NotExplained, LoginFailed, OSError) as fault:
        fail(str(fault))
    for line in waterfall(explained, out.width):
        out.print(line)
    if explained.problem is not None:
        raise typer.Exit(1)
