"""Where a page's time went, as rows to be drawn: one a source, and beneath it what it called."""

from dataclasses import dataclass
from enum import StrEnum

from front.text import milliseconds, printable
from gateway.page.timeline import BatchSeen, CallSeen, Explained, Outcome, SourceSeen, Timeline

DAY = 86_400_000.0
"""A day in milliseconds: nothing that is drawn takes longer."""
WITHIN_SIGHT = 2.0
"""A deadline up to so many times the total is drawn to scale; a later one is only told."""


class Kind(StrEnum):
    """What a row tells of."""

    SOURCE = "source"
    BATCH = "batch"
    CALL = "call"


SIGNS = {Kind.SOURCE: "", Kind.BATCH: "⇉ ", Kind.CALL: "→ "}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of the drawing. Times are milliseconds; `began` is None of what never did.

    Args:
        kind: what it tells of.
        depth: how far it stands beneath a source.
        name: what it is called.
        note: all else that there is to say.
        waits: whether it waited for inputs until it began.
        began: when the work began.
        ended: when it ended, the page's end when nobody saw it.
        outcome: how.
    """

    kind: Kind
    depth: int
    name: str
    note: str
    waits: bool
    began: float | None
    ended: float
    outcome: Outcome

    @property
    def label(self) -> str:
        """Its name after the sign of its kind."""
        return SIGNS[self.kind] + self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """How times become places: `span` is the time that the whole width stands for."""

    span: float
    mark: float | None
    """Where the page's deadline is, as a part of the width; None when it is far beyond."""

    def part(self, time: float) -> float:
        """The place of a time, as a part of the width."""
        return min(sane(time) / self.span, 1.0)


def sane(time: float) -> float:
    """A time that can be drawn, whatever somebody's clock said."""
    return min(max(0.0, time), DAY)


def scale(timeline: Timeline) -> Scale:
    """The scale on which everything seen fits, and the deadline when it is near."""
    ends = [row.ended for row in rows(timeline)]
    seen = max(map(sane, [timeline.total, *ends])) or 1.0
    deadline = sane(timeline.deadline)
    if deadline > WITHIN_SIGHT * seen:
        return Scale(span=seen, mark=None)
    span = max(seen, deadline)
    return Scale(span=span, mark=deadline / span)


def rows(timeline: Timeline) -> list[Row]:
    """The lines of the drawing; what a batch called stands once, under the first that waited for it."""
    drawn = []
    told: set[int] = set()
    for source in timeline.sources:
        drawn.append(_source(source, timeline.total))
        drawn += [_call(call, 1) for call in source.calls]
        for place in source.batches:
            batch = timeline.batches[place]
            drawn.append(_batch(batch, shared=place in told))
            drawn += [] if place in told else [_call(call, 2) for call in batch.calls]
            told.add(place)
    return drawn


def times(row: Row) -> tuple[str, str]:
    """When it began and how long it took, in milliseconds; dashes when it never began."""
    if row.began is None:
        return "-", "-"
    begin = sane(row.began)
    return milliseconds(begin), milliseconds(max(0.0, sane(row.ended) - begin))


def _source(source: SourceSeen, total: float) -> Row:
    notes = {
        Outcome.DONE: "",
        Outcome.FALLBACK: "fell back",
        Outcome.FAILED: "failed",
        Outcome.CANCELLED: "never began" if source.began is None else "cancelled",
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


def _batch(batch: BatchSeen, *, shared: bool) -> Row:
    loads = f"{batch.keys} load{'s' if batch.keys != 1 else ''}"
    told = [loads, "see above" if shared else "", "" if batch.outcome is Outcome.DONE else batch.outcome]
    return Row(
        kind=Kind.BATCH,
        depth=1,
        name=printable(batch.loader),
        note=" · ".join(part for part in told if part),
        waits=False,
        began=batch.began,
        ended=batch.ended,
        outcome=batch.outcome,
    )


def _call(call: CallSeen, depth: int) -> Row:
    answered = call.answer.isdecimal() and int(call.answer[:3]) < 400  # noqa: PLR2004 (errors from there on)
    broken_off = call.answer == Outcome.CANCELLED
    return Row(
        kind=Kind.CALL,
        depth=depth,
        name=printable(call.upstream),
        note=printable(f"{call.answer} {call.method} {call.target}"),
        waits=False,
        began=call.began,
        ended=call.ended,
        outcome=Outcome.DONE if answered else Outcome.CANCELLED if broken_off else Outcome.FAILED,
    )


def summary(timeline: Timeline) -> str:
    """The page, its status and its time in one line."""
    times = f"{milliseconds(timeline.total)} of {milliseconds(timeline.deadline)} ms"
    return printable(f"{timeline.method} {timeline.page} · {timeline.status} · {times}")


def verdict(explained: Explained) -> list[str]:
    """What the client is told beside the view: which parts fell back or short, or the problem."""
    degraded = [
        f"{source.name} ({source.reason or 'unknown'})"
        for source in explained.timeline.sources
        if source.outcome is Outcome.FALLBACK
        or (source.outcome is Outcome.DONE and source.reason is not None)
    ]
    told = [f"Degraded: {', '.join(degraded)}"] if degraded else []
    if explained.problem is not None:
        told.append(f"Problem: {_gist(explained.problem)}")
    return [printable(line) for line in told]


def _gist(problem: object) -> str:
    if not isinstance(problem, dict):
        return str(problem)
    return str(problem.get("detail") or problem.get("title") or problem)
