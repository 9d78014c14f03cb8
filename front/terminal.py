"""What the commands have in common: where they write, how they fail, and options of several."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

Data = Annotated[Path, typer.Option(help="The folder that everything is kept in.")]
Routes = Annotated[Path, typer.Option(help="The route table.", envvar="GATEWAY_ROUTES")]

Url = Annotated[str, typer.Option(help="The gateway.")]

DATA = Path(".data")
URL = "http://127.0.0.1:8080"
ROUTES = Path("routes.toml")


def fail(message: str) -> NoReturn:
    """Say what is wrong, and end with 1."""
    err.print(message, style="red", markup=False, highlight=False)
    raise typer.Exit(1)
