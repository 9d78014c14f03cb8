"""A sample of traces whose size does not grow with the load."""

from collections.abc import Sequence
from time import monotonic
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.span import TraceState
from opentelemetry.util.types import Attributes

LEFT_OUT: Final = SamplingResult(Decision.DROP)


class RateLimited(Sampler):
    """Samples traces by a token bucket of so many a second, and counts those that it leaves out.

    Besides, each name is sampled once a second: what is called seldom is not lost among what is called often.
    """

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self.left_out = 0
        self._tokens = float(per_second)
        self._read_at = monotonic()
        self._sampled_at: dict[str, float] = {}
        """The time of the last sample of each name; there are as many names as an app has routes."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Whether a trace that begins with this span is sampled."""
        del parent_context, trace_id, kind, links, trace_state  # a root has no parent
        now = monotonic()
        self._tokens = min(self._tokens + (now - self._read_at) * self.per_second, self.per_second)
        self._read_at = now
        if self._tokens >= 1:
            self._tokens -= 1
        elif now - self._sampled_at.get(name, now - 1) < 1:
            self.left_out += 1
            return LEFT_OUT
        self._sampled_at[name] = now
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)

    def get_description(self) -> str:
        """Its name."""
        return f"RateLimited{{{self.per_second}}}"
