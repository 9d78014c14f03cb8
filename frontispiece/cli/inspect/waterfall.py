"""A page's timeline as a waterfall in the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from math import ceil

from rich.cells import cell_len, chop_cells
from rich.text import Text

from frontispiece.pages.timeline import BatchTrace, CallTrace, PageTrace, SourceTrace, Timeline, TraceOutcome
from frontispiece.terminal import printable

MAX_TIME = 86_400_000.0
"""Milliseconds; later times are drawn here."""
MAX_DEADLINE = 2.0
"""A deadline up to so many times the total is drawn; a later one is only in the summary."""


class Kind(StrEnum):
    """The kind of a row."""

    SOURCE = "source"
    BATCH = "batch"
    CALL = "call"


SIGNS = {Kind.SOURCE: "", Kind.BATCH: "⇉ ", Kind.CALL: "→ "}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of the drawing; times are in milliseconds.

    Args:
        depth: the indentation beneath its source.
        note: outcome, cache state, attempts, or the call's path.
        waits: whether it waited for inputs until it began.
        began: None when it never did.
        ended: the page's end when it was still running.
    """

    kind: Kind
    depth: int
    name: str
    note: str
    waits: bool
    began: float | None
    ended: float
    outcome: TraceOutcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """The scale of the time axis: `span` milliseconds are the whole width."""

    span: float
    mark: float | None
    """The page's deadline as a fraction of the width; None when it is far beyond."""

    def part(self, time: float) -> float:
        """A time as a fraction of the width."""
        return min(clamped(time) / self.span, 1.0)


def clamped(time: float) -> float:
    """A time within what can be drawn."""
    return min(max(0.0, time), MAX_TIME)


def scale(timeline: Timeline) -> Scale:
    """The scale for all rows, and for the deadline when it is near."""
    ends = [row.ended for row in rows(timeline)]
    longest = max(map(clamped, [timeline.total, *ends])) or 1.0
    deadline = clamped(timeline.deadline)
    if deadline > MAX_DEADLINE * longest:
        return Scale(span=longest, mark=None)
    span = max(longest, deadline)
    return Scale(span=span, mark=deadline / span)


def rows(timeline: Timeline) -> list[Row]:
    """The rows; the calls of a batch stand once, under the first source that waited for it."""
    drawn = []
    shown: set[int] = set()
    for source in timeline.sources:
        drawn.append(_source(source, timeline.total))
        drawn += [_call(call, 1) for call in source.calls]
        for place in source.batches:
            batch = timeline.batches[place]
            drawn.append(_batch(batch, shared=place in shown))
            drawn += [] if place in shown else [_call(call, 2) for call in batch.calls]
            shown.add(place)
    return drawn


def times(row: Row) -> tuple[str, str]:
    """A row's begin and duration in milliseconds; dashes when it never began."""
    if row.began is None:
        return "-", "-"
    begin = clamped(row.began)
    return milliseconds(begin), milliseconds(max(0.0, clamped(row.ended) - begin))


def _source(source: SourceTrace, total: float) -> Row:
    notes = {
        TraceOutcome.DONE: "",
        TraceOutcome.FALLBACK: "fell back",
        TraceOutcome.FAILED: "failed",
        TraceOutcome.CANCELLED: "never began" if source.began is None else "cancelled",
    }
    note = notes[source.outcome]
    if source.reason is not None:
        note = f"{note}: {source.reason}" if note else source.reason
    attempts = f"{source.attempts} attempts" if source.attempts != 1 else ""
    cache = f"cache: {source.cache}" if source.cache is not None else ""
    return Row(
        kind=Kind.SOURCE,
        depth=0,
        name=printable(source.name),
        note=printable(" · ".join(part for part in (note, cache, attempts) if part)),
        waits=bool(source.needs),
        began=source.began,
        ended=total if source.ended is None else source.ended,
        outcome=source.outcome,
    )


def _batch(batch: BatchTrace, *, shared: bool) -> Row:
    loads = f"{batch.keys} load{'s' if batch.keys != 1 else ''}"
    notes = [
        loads,
        "see above" if shared else "",
        "" if batch.outcome is TraceOutcome.DONE else batch.outcome,
    ]
    return Row(
        kind=Kind.BATCH,
        depth=1,
        name=printable(batch.loader),
        note=" · ".join(part for part in notes if part),
        waits=False,
        began=batch.began,
        ended=batch.ended,
        outcome=batch.outcome,
    )


def _call(call: CallTrace, depth: int) -> Row:
    succeeded = call.answer.isdecimal() and int(call.answer[:3]) < 400  # noqa: PLR2004 (errors from there on)
    outcome = TraceOutcome.DONE if succeeded else TraceOutcome.FAILED
    if call.answer == TraceOutcome.CANCELLED:
        outcome = TraceOutcome.CANCELLED
    return Row(
        kind=Kind.CALL,
        depth=depth,
        name=printable(call.upstream),
        note=printable(f"{call.answer} {call.method} {call.target}"),
        waits=False,
        began=call.began,
        ended=call.ended,
        outcome=outcome,
    )


def _summary(timeline: Timeline) -> str:
    times = f"{milliseconds(timeline.total)} of {milliseconds(timeline.deadline)} ms"
    return printable(f"{timeline.method} {timeline.page} · {timeline.status} · {times}")


def verdict(explained: PageTrace) -> list[str]:
    """The page's degraded sources, and its problem."""
    degraded = [
        f"{source.name} ({source.reason or 'unknown'})"
        for source in explained.timeline.sources
        if source.outcome is TraceOutcome.FALLBACK
        or (source.outcome is TraceOutcome.DONE and source.reason is not None)
    ]
    lines = [f"Degraded: {', '.join(degraded)}"] if degraded else []
    if explained.problem is not None:
        lines.append(f"Problem: {_detail(explained.problem)}")
    return [printable(line) for line in lines]


def _detail(problem: object) -> str:
    if not isinstance(problem, dict):
        return str(problem)
    return str(problem.get("detail") or problem.get("title") or problem)


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
        [Text(_summary(explained.timeline), "bold")],
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
    return "  " * row.depth + SIGNS[row.kind] + row.name


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


def milliseconds(value: float) -> str:
    """Milliseconds with three significant digits."""
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004 (three digits)
