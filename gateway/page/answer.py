"""What a client is told of a finished run: the view, its entity tag, what took how long, what degraded."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from gateway.page.declare import Page
from gateway.page.graph import Plan
from gateway.page.run import Run, SourceFailed
from gateway.page.timeline import (
    MEDIA_TYPE,
    BatchSeen,
    CallSeen,
    Explained,
    Outcome,
    SourceSeen,
    Timeline,
)
from gateway.page.working import Working
from gateway.upstream import Headers, Noted, Reply
from kit.entity_tags import holds
from kit.problems import Problem

JSON = (b"content-type", b"application/json")
NOT_MODIFIED = 304


def answer(page: Page, run: Run, if_none_match: str | None) -> Reply:
    """The view of a run that has ended well; 304 when the client has it already."""
    content = msgspec.json.encode(run.view())
    headers = common_headers(page, run)
    if page.method == "GET":
        tag = f'"{blake2b(content, digest_size=9).hexdigest()}"'
        headers.append((b"etag", tag.encode()))
        if if_none_match is not None and holds(if_none_match, tag):
            return Reply(status=NOT_MODIFIED, headers=headers, body=b"")
    headers.append(JSON)
    return Reply.whole(page.status, content, headers)


def common_headers(page: Page, run: Run) -> Headers:
    """What is told of every run, whatever comes of it."""
    headers: Headers = []
    if run.working:
        headers.append((b"server-timing", server_timing(run.working)))
    if page.vary:
        headers.append((b"vary", ", ".join(page.vary).encode()))
    if run.degraded:
        headers.append((b"page-degraded", degraded(run.degraded).encode()))
    return headers


def degraded(reasons: Mapping[str, str]) -> str:
    """`Page-Degraded`: a list of sources with reasons (RFC 9651)."""
    return ", ".join(f"{source};reason={reason}" for source, reason in reasons.items())


def server_timing(working: Mapping[str, Working]) -> bytes:
    """`Server-Timing`: milliseconds that each source worked, and how its cache answered (a W3C draft)."""
    entries = []
    for name, source in working.items():
        if source.ended is not None:
            entry = f"{name};dur={(source.ended - source.began) * 1000:.1f}"
            entries.append(entry if source.cache is None else f'{entry};desc="{source.cache}"')
    return ", ".join(entries).encode()


def problem_of(failed: SourceFailed) -> Problem:
    """What a client is told when a required source failed."""
    problem = failed.failure.problem(failed.source)
    problem.members["source"] = failed.source
    return problem


def explained(timeline: Timeline, *, view: Any, problem: Problem | None) -> Reply:
    """The timeline of a run, with what came of it."""
    told = msgspec.Raw(problem.body()) if problem is not None else None
    content = msgspec.json.encode(Explained(timeline=timeline, view=view, problem=told))
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store")]
    return Reply.whole(200, content, headers)


def timeline_of(plan: Plan, run: Run, *, status: int, ended: float) -> Timeline:
    """What happened in a run that was looked on, until `ended`."""
    page, stamp = plan.page, _Stamps(run.began, ended)
    batches = run.batches or []
    sources = []
    for step in plan.steps:
        seen = SourceSeen(name=step.source.name, optional=step.source.fallback is not None, needs=step.needs)
        working = run.working.get(step.source.name)
        if working is not None:
            seen.began, seen.ended = stamp(working.began), stamp(working.ended)
            seen.outcome, seen.reason, seen.cache = working.outcome, working.reason, working.cache
            seen.attempts = working.attempts
            seen.calls = stamp.calls(working.noted or [])
            seen.batches = [batches.index(batch) for batch in working.batches]
        sources.append(seen)
    return Timeline(
        page=page.path,
        method=page.method,
        status=status,
        total=stamp(ended),
        deadline=page.deadline * 1000,
        sources=sources,
        batches=[
            BatchSeen(
                loader=batch.loader,
                keys=batch.keys,
                began=stamp(batch.began),
                ended=stamp(batch.ended),
                outcome=batch.outcome if batch.ended is not None else Outcome.CANCELLED,
                calls=stamp.calls(batch.calls),
            )
            for batch in batches
        ],
    )


class _Stamps:
    """Milliseconds since a run began; what has not ended is taken to end with the run."""

    def __init__(self, began: float, ended: float) -> None:
        self._began = began
        self._ended = ended

    def __call__(self, moment: float | None) -> float:
        moment = self._ended if moment is None else moment
        return round((min(moment, self._ended) - self._began) * 1000, 3)

    def calls(self, noted: list[Noted]) -> list[CallSeen]:
        return [
            CallSeen(
                upstream=call.upstream,
                method=call.method,
                target=call.target,
                began=self(call.began),
                ended=self(call.ended),
                answer=call.answer or "cancelled",
            )
            for call in noted
        ]
