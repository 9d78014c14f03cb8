"""Panels: tabs of the console that projects add, made of figures, tables and texts."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

PANEL_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

Cell = str | int | float | None


class PanelFigures(Struct, frozen=True, kw_only=True, tag_field="kind", tag="figures"):
    """A few figures side by side, by what they are."""

    figures: dict[str, Cell]


class PanelTable(Struct, frozen=True, kw_only=True, tag_field="kind", tag="table"):
    """A table; cells that are numbers are written to the right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


class PanelText(Struct, frozen=True, kw_only=True, tag_field="kind", tag="text"):
    """A paragraph."""

    text: str


PanelPart = PanelFigures | PanelTable | PanelText
"""What a panel shows, one below the other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """A tab of the console.

    ```python
    async def read() -> list[PanelPart]:
        return [PanelFigures(figures={"open sagas": 3})]

    gateway.add_panel(Panel(name="sagas", title="Sagas", read=read))
    ```

    Args:
        name: in its address, of letters, digits and hyphens.
        title: of the tab.
        read: what it shows, read anew every few seconds while somebody looks; raises `Problem` for a reason
            that is shown instead.
    """

    name: str
    title: str
    read: Callable[[], Awaitable[Sequence[PanelPart]]]
