"""`front sales`: the operator's figures, printed and drawn."""

from pathlib import Path
from typing import Annotated, Final

import httpx
import msgspec
import typer
from rich.table import Table
from rich.text import Text

from frontispiece.errors import UserError
from frontispiece.http import is_loopback
from frontispiece.terminal import print_table, printable, write_text
from services.sales.chart import bar, svg
from services.sales.model import Grouping

app = typer.Typer(help="The figures of orders: revenue, baskets and coupons.")

REPORT: Final = "/api/sales/report"
HEADINGS: Final = (
    "placed",
    "completed",
    "cancelled",
    "conversion",
    "pieces",
    "basket",
    "refunded",
    "revenue",
)


class Sum(msgspec.Struct):
    """An amount of money."""

    amount: int
    currency: str


class Row(msgspec.Struct):
    """What is printed of the figures of one group of orders."""

    key: str
    placed: int
    completed: int
    cancelled: int
    conversion: float
    pieces: int
    basket_value: Sum
    refunded: Sum
    revenue: Sum


class Report(msgspec.Struct):
    """The response of sales: its rows by every `Grouping`."""

    first: str
    last: str
    total: list[Row]
    day: list[Row]
    type: list[Row]
    brand: list[Row]
    client: list[Row]
    coupon: list[Row]


@app.command()
def sales(
    *,
    token: Annotated[
        str,
        typer.Option(envvar="FRONT_TOKEN", help="Of an operator: what `front login clerk` prints."),
    ],
    url: Annotated[str, typer.Option(envvar="FRONT_URL", help="Of the gateway.")] = "http://127.0.0.1:8080",
    days: Annotated[int, typer.Option(help="How many days, with today (UTC).", min=1, max=3660)] = 30,
    by: Annotated[Grouping, typer.Option(help="What the orders of a row have in common.")] = Grouping.DAY,
    chart: Annotated[
        Path | None, typer.Option("--svg", help="Draw the revenue into this file, too.", dir_okay=False)
    ] = None,
) -> None:
    """Print the figures of the last days, with a bar for the revenue of each row."""
    report = _report(url, token, days)
    total = report.total
    rows: list[Row] = [] if by is Grouping.TOTAL else getattr(report, by)
    _print(by, [*rows, *total], bars=len(rows))
    if chart is not None:
        values = [
            (_key(row), row.revenue.amount, _money(row.revenue))
            for row in (total if by is Grouping.TOTAL else rows)
        ]
        title = f"Revenue by {by}, {report.first} to {report.last}"
        write_text(chart, svg(title, values))


def _report(url: str, token: str, days: int) -> Report:
    try:
        response = httpx.get(
            url.rstrip("/") + REPORT,
            params={"days": days},
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
            trust_env=not is_loopback(url),
        )
        if not response.is_success:
            raise UserError(f"{url} refused: {response.status_code} {response.text}")
        return msgspec.json.decode(response.content, type=Report)
    except httpx.HTTPError as error:
        raise UserError(f"{url} does not respond: {error}") from None
    except httpx.InvalidURL as error:
        raise UserError(f"{url} is no address: {error}") from None
    except UnicodeEncodeError:
        raise UserError("The token is none: it has letters beyond ASCII.") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UserError(f"{url} has no such report: {error}") from None


def _print(by: Grouping, rows: list[Row], *, bars: int) -> None:
    shown = Table()
    shown.add_column(by.value, overflow="fold")
    for heading in HEADINGS:
        shown.add_column(heading, justify="right")
    shown.add_column("")
    highest = max((row.revenue.amount for row in rows[:bars]), default=0)
    for number, row in enumerate(rows):
        cells = (
            _key(row) if number < bars else "total",
            *map(str, (row.placed, row.completed, row.cancelled)),
            f"{row.conversion:.0%}",
            str(row.pieces),
            _money(row.basket_value),
            _money(row.refunded),
            _money(row.revenue),
            bar(row.revenue.amount, highest) if number < bars else "",
        )
        shown.add_row(*map(Text, cells))
    print_table(shown)


def _key(row: Row) -> str:
    """What is common to a row; whatever customers wrote controls no terminal."""
    return printable(row.key) or "-"


def _money(money: Sum) -> str:
    return f"{money.amount / 100:.2f} {money.currency}"
