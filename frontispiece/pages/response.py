"""The response of a finished run: the view with its entity tag and headers, or its timeline."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from frontispiece.http.etags import matches
from frontispiece.http.problems import Problem
from frontispiece.pages.executor import Run
from frontispiece.pages.page import Page
from frontispiece.pages.plan import Plan
from frontispiece.pages.source_run import SourceRun
from frontispiece.pages.timeline import (
    MEDIA_TYPE,
    BatchTrace,
    CallTrace,
    PageTrace,
    SourceTrace,
    Timeline,
    TraceOutcome,
)
from frontispiece.upstream import CallRecord, Reply, TimedOut

JSON = (b"content-type", b"application/json")
NOT_MODIFIED = 304

PASSED_ON = frozenset({b"content-type", b"cache-control", b"content-length"})
"""The headers of a service's response that is the view."""

encode = msgspec.json.Encoder().encode


class ViewResponse:
    """The responses of a page's successful runs."""

    def __init__(self, page: Page) -> None:
        self._sources = [source.name for source in page.sources]
        self._status = page.status
        self._is_read = page.method == "GET"
        self._location = page.location
        self._vary = (b"vary", ", ".join(page.vary).encode()) if page.vary else None

    def view(self, run: Run, if_none_match: bytes | None) -> Reply:
        """The view; 304 when the client has it already."""
        view = run.view()
        if isinstance(view, Reply):
            passed_on = [field for field in view.headers if field[0] in PASSED_ON]
            return Reply(status=view.status, headers=passed_on, body=view.body, release=view.release)
        content = encode(view)
        headers = run.response_headers
        if run.source_runs:
            headers.append((b"server-timing", server_timing(run.source_runs)))
        if self._vary is not None:
            headers.append(self._vary)
        if run.degraded:
            reasons = {name: run.degraded[name] for name in self._sources if name in run.degraded}
            headers.append((b"page-degraded", degraded(reasons).encode()))
        if self._location is not None:
            headers.append((b"location", self._location(view).encode()))
        if self._is_read:
            tag = f'"{sha256(content).hexdigest()[:24]}"'  # processors compute it, twice as fast as blake2b
            headers.append((b"etag", tag.encode()))
            if if_none_match is not None and matches(if_none_match.decode("latin-1"), tag):
                return Reply(status=NOT_MODIFIED, headers=headers, body=b"")
        headers.append(JSON)
        headers.append((b"content-length", b"%d" % len(content)))
        return Reply(status=self._status, headers=headers, body=content)


def degraded(reasons: Mapping[str, str]) -> str:
    """`Page-Degraded`: a list of sources with reasons (RFC 9651)."""
    return ", ".join(f"{source};reason={reason}" for source, reason in reasons.items())


def server_timing(source_runs: Mapping[str, SourceRun]) -> bytes:
    """`Server-Timing` (a W3C draft): milliseconds that each source ran, and its `CacheState`."""
    entries = []
    for name, source in source_runs.items():
        if source.ended is not None:
            entry = f"{name};dur={(source.ended - source.began) * 1000:.1f}"
            entries.append(entry if source.cache is None else f'{entry};desc="{source.cache}"')
    return ", ".join(entries).encode()


def timeline_response(timeline: Timeline, *, view: Any, problem: Problem | None) -> Reply:
    """The timeline of a run, with its view or its problem."""
    body = msgspec.Raw(problem.body()) if problem is not None else None
    content = encode(PageTrace(timeline=timeline, view=view, problem=body))
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store")]
    return Reply.whole(200, content, headers)


def timeline_of(plan: Plan, run: Run, *, status: int, ended: float) -> Timeline:
    """The timeline of a run with tracing, until `ended`."""
    page, stamp = plan.page, _Stamps(run.began, ended)
    batches = run.batch_records or []
    waits = [each for running in run.source_runs.values() if running.expired for each in running.batches]
    late = {batch for batch in waits if batch.outcome is TraceOutcome.CANCELLED}
    sources = []
    for step in plan.steps:
        seen = SourceTrace(name=step.source.name, optional=step.source.fallback is not None, needs=step.needs)
        running = run.source_runs.get(step.source.name)
        if running is not None:
            seen.began, seen.ended = stamp(running.began), stamp(running.ended)
            seen.outcome, seen.reason, seen.cache = running.outcome, running.reason, running.cache
            seen.attempts = running.attempts
            seen.calls = stamp.calls(running.recorded_calls or [], late=running.expired)
            seen.batches = [batches.index(batch) for batch in running.batches if batch in batches]
        sources.append(seen)
    return Timeline(
        page=page.path,
        method=page.method,
        status=status,
        total=stamp(ended),
        deadline=page.deadline * 1000,
        sources=sources,
        batches=[
            BatchTrace(
                loader=batch.loader,
                keys=batch.keys,
                began=stamp(batch.began),
                ended=stamp(batch.ended),
                outcome=TraceOutcome.FAILED if batch in late else batch.outcome,
                calls=stamp.calls(batch.calls, late=batch in late),
            )
            for batch in batches
        ],
    )


class _Stamps:
    """Milliseconds since a run began; what has not ended ends with the run."""

    def __init__(self, began: float, ended: float) -> None:
        self._began = began
        self._ended = ended

    def __call__(self, moment: float | None) -> float:
        moment = self._ended if moment is None else moment
        return round((min(moment, self._ended) - self._began) * 1000, 3)

    def calls(self, records: list[CallRecord], *, late: bool) -> list[CallTrace]:
        unanswered = TimedOut.reason if late else TraceOutcome.CANCELLED
        return [
            CallTrace(
                upstream=call.upstream,
                method=call.method,
                target=call.target,
                began=self(call.began),
                ended=self(call.ended),
                answer=call.answer or unanswered,
            )
            for call in records
        ]
