"""A plan made ready to run for the life of an app: sources with their policies, caches and retry budgets."""

from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import is_dataclass
from typing import Any, cast

import msgspec

from frontispiece.aio.retry_budget import RetryBudget
from frontispiece.aio.timer_queue import TimerQueue
from frontispiece.pages.cache_key import key_of
from frontispiece.pages.page import Source
from frontispiece.pages.plan import Input, Origin, Plan, Step
from frontispiece.pages.result_cache import ResultCache
from frontispiece.pages.retry import with_budget, with_hedge, with_retry
from frontispiece.stores.valkey import BestEffortValkey


class CompiledSource:
    """A source, ready to run."""

    __slots__ = (
        "_key_names",
        "cache",
        "cache_counts",
        "call",
        "declared",
        "degraded_counts",
        "dependencies",
        "dependents",
        "index",
        "input_names",
        "name",
        "per_caller",
        "repeatable",
        "retry_budget",
        "timeout",
    )

    def __init__(self, step: Step, index: int, page: str, shared: BestEffortValkey | None) -> None:
        source = step.source
        self.declared = source
        self.index = index
        self.name = source.name
        self.timeout = source.timeout
        self.input_names = tuple(i.name for i in step.inputs)
        self.dependencies = len(step.needs)
        self.dependents: list[CompiledSource] = []
        self.repeatable = source.retry is not None or source.hedge is not None
        self.retry_budget = RetryBudget() if self.repeatable else None
        """What its retries and hedges take from."""
        self.call = _with_policies(source, self.retry_budget)
        self.cache: ResultCache | None = None
        self.per_caller = True
        self.degraded_counts: Counter[str] = Counter()
        """How often its page was degraded by it, by reason."""
        self.cache_counts: Counter[str] = Counter()
        """How often its result came through its cache, by `CacheState`."""
        self._key_names: tuple[str, ...] = ()
        if source.cache is not None:
            self.cache = ResultCache(f"{page} {source.name}", source.cache, step.result_type, shared)
            self._key_names = tuple(i.name for i in step.inputs if not _is_client(i))
            self.per_caller = step.knows_caller

    def key(self, arguments: Mapping[str, Any]) -> bytes:
        """The cache key of a call: all its inputs but service clients."""
        return key_of([arguments[name] for name in self._key_names])


class CompiledPage:
    """A page, ready to run."""

    def __init__(self, plan: Plan, app: str = "", shared: BestEffortValkey | None = None) -> None:
        self.plan = plan
        title = f"{app} {plan.page.method} {plan.page.path}"
        self.sources = tuple(
            CompiledSource(step, index, title, shared) for index, step in enumerate(plan.steps)
        )
        by_name = {source.name: source for source in self.sources}
        for step in plan.steps:
            for need in step.needs:
                by_name[need].dependents.append(by_name[step.source.name])
        self.roots = tuple(source for source in self.sources if not source.dependencies)
        self.deadlines = TimerQueue()
        """When its runs and their sources must have ended."""
        self.dependencies = [source.dependencies for source in self.sources]
        self.view_names = tuple(i.name for i in plan.view_inputs)

    def view(self, values: Mapping[str, Any]) -> Any:
        """What the client sees, made of inputs and results by name."""
        return self.plan.view(**{name: values[name] for name in self.view_names})

    async def close(self) -> None:
        """Cancel what runs in the background."""
        for source in self.sources:
            if source.cache is not None:
                await source.cache.close()


def _with_policies(source: Source, budget: RetryBudget | None) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The source's function with its policies around it, from the inside out."""
    call = cast(Callable[..., Coroutine[Any, Any, Any]], source.function)  # which the planner has checked
    if budget is None:
        return call
    if source.hedge is not None:
        call = with_hedge(call, source.hedge, budget)
    if source.retry is not None:
        call = with_retry(call, source.retry, budget)
    return with_budget(call, budget)


def _is_client(i: Input) -> bool:
    """Whether a provided input reaches a service; values made of a request are dataclasses or Structs."""
    if i.origin is not Origin.PROVIDED:
        return False
    return not (is_dataclass(i.type) or (isinstance(i.type, type) and issubclass(i.type, msgspec.Struct)))
