"""A page's timeline as a waterfall in the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from math import ceil

from rich.cells import cell_len, chop_cells
from rich.text import Text

from frontispiece.cli.inspect.waterfall_rows import Kind, Row, Scale, rows, scale, summary, times, verdict
from frontispiece.cli.text import milliseconds
from frontispiece.pages.timeline import PageTrace, TraceOutcome

MIN_BAR_WIDTH = 20
"""Cells; notes that do not fit beside such a bar go beneath it."""
MIN_WIDTH = 48
"""Cells; a narrower terminal shows the left part of the drawing."""
TIME_WIDTH = 8
"""Cells for a time in milliseconds and the space before it."""

FILL = {Kind.SOURCE: "█", Kind.BATCH: "▓", Kind.CALL: "▒"}
WAITING, MARK = "┈", "┊"
COLOURS = {
    TraceOutcome.DONE: "green",
    TraceOutcome.FALLBACK: "yellow",
    TraceOutcome.FAILED: "red",
    TraceOutcome.CANCELLED: "bright_black",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """The widths of names and bars in cells, and whether notes stand beside the bars or beneath."""

    names: int
    bars: int
    beside: bool


def waterfall(explained: PageTrace, width: int) -> Iterator[Text]:
    """The drawing, in lines of at most `width` cells."""
    drawn = rows(explained.timeline)
    at = scale(explained.timeline)
    columns = _columns(drawn, max(width, MIN_WIDTH))
    for line in chain(
        [Text(summary(explained.timeline), "bold")],
        [_axis(at, columns)] if drawn else [],
        *(_drawn(row, at, columns) for row in drawn),
        (Text(line, "yellow") for line in verdict(explained)),
        [_legend(at)] if drawn else [],
    ):
        line.truncate(width, overflow="ellipsis")
        yield line


def _columns(drawn: list[Row], width: int) -> Columns:
    room = width - 2 * TIME_WIDTH - 1
    names = min(max([1, *(cell_len(_label(row)) for row in drawn)]), (room - MIN_BAR_WIDTH) * 2 // 3)
    notes = _notes(drawn, width // 3)
    beside = room - names - notes - 2 >= MIN_BAR_WIDTH
    return Columns(names=names, bars=room - names - (notes + 2 if beside else 0), beside=beside)


def _notes(drawn: list[Row], max_width: int) -> int:
    """The width of notes in cells; those of calls, which have long paths, may be cut."""
    calls = [min(cell_len(row.note), max_width) for row in drawn if row.kind is Kind.CALL]
    return max(calls + [cell_len(row.note) for row in drawn if row.kind is not Kind.CALL], default=0)


def _label(row: Row) -> str:
    return "  " * row.depth + row.label


def _axis(at: Scale, columns: Columns) -> Text:
    end = f"{milliseconds(at.span)} ms"
    times = "at".rjust(TIME_WIDTH) + "ms".rjust(TIME_WIDTH)
    return Text(" " * columns.names + " 0" + end.rjust(columns.bars - 1) + times, "dim")


def _drawn(row: Row, at: Scale, columns: Columns) -> Iterator[Text]:
    """The row's line; the rest of a long name or note follows beneath."""
    strong = "bold" if row.kind is Kind.SOURCE else ""
    colour = "dim" if row.outcome is TraceOutcome.DONE else COLOURS[row.outcome]
    name, *more = chop_cells(_label(row), columns.names) or [""]
    line = Text(name + " " * (columns.names - cell_len(name) + 1), strong)
    line.append_text(_bar(row, at, columns.bars))
    line.append("".join(time.rjust(TIME_WIDTH) for time in times(row)), "dim")
    if columns.beside:
        line.append(f"  {row.note}", colour)
    line.rstrip()
    yield line
    for rest in more:
        yield Text(rest, strong)
    if row.note and not columns.beside:
        yield Text("  " * (row.depth + 1) + row.note, colour)


def _bar(row: Row, at: Scale, cells: int) -> Text:
    end = ceil(at.part(row.ended) * cells)
    begin = end if row.began is None else min(int(at.part(row.began) * cells), cells - 1)
    marked = None if at.mark is None else min(int(at.mark * cells), cells - 1)
    bar = Text()
    for cell in range(cells):
        if begin <= cell < max(end, begin + 1) and row.began is not None:
            bar.append(FILL[row.kind], COLOURS[row.outcome])
        elif cell == marked:
            bar.append(MARK, "red")
        else:
            bar.append(WAITING if row.waits and cell < begin else " ", "dim")
    return bar


def _legend(at: Scale) -> Text:
    works = [f"{FILL[Kind.SOURCE]} works", f"{FILL[Kind.BATCH]} batch", f"{FILL[Kind.CALL]} call"]
    deadline = [f"{MARK} deadline"] if at.mark is not None else []
    return Text("   ".join([f"{WAITING} waits for inputs", *works, *deadline]), "dim")
