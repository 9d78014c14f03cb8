"""A plan made ready to run for the life of an app: sources with their policies, caches and retry budgets."""

import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from operator import itemgetter
from typing import Any

import msgspec

from frontispiece.aio.retry_budget import RetryBudget
from frontispiece.aio.timer_queue import TimerQueue
from frontispiece.pages.plan import Input, Origin, Plan, Step
from frontispiece.pages.result_cache import ResultCache
from frontispiece.pages.retry import Call, with_budget, with_hedge, with_retry
from frontispiece.stores.valkey import BestEffortValkey


class CompiledSource:
    """A source, ready to run."""

    __slots__ = (
        "arguments",
        "cache",
        "cache_counts",
        "call",
        "declared",
        "degraded_counts",
        "dependencies",
        "dependents",
        "index",
        "input_names",
        "key_inputs",
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
        self.arguments = _getter(self.input_names)
        """Its arguments, from the values of inputs by name."""
        self.dependencies = len(step.needs)
        self.dependents: list[CompiledSource] = []
        self.repeatable = source.retry is not None or source.hedge is not None
        self.retry_budget = RetryBudget() if self.repeatable else None
        """What its retries and hedges take from."""
        self.call = _with_policies(step, self.retry_budget)
        self.cache: ResultCache | None = None
        self.per_caller = True
        self.degraded_counts: Counter[str] = Counter()
        """How often its page was degraded by it, by reason."""
        self.cache_counts: Counter[str] = Counter()
        """How often its result came through its cache, by `CacheState`."""
        self.key_inputs = _getter(())
        """Of its inputs, those that its cache key is made of: all but service clients."""
        if source.cache is not None:
            self.cache = ResultCache(f"{page} {source.name}", source.cache, step.result_type, shared)
            self.key_inputs = _getter([i.name for i in step.inputs if not _is_client(i)])
            self.per_caller = step.knows_caller


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
        names = [i.name for i in plan.view_inputs]
        self._view = _by_position(plan.view, names)
        self._view_arguments = _getter(names)

    def view(self, values: Mapping[str, Any]) -> Any:
        """What the client sees, made of inputs and results by name."""
        return self._view(*self._view_arguments(values))

    async def close(self) -> None:
        """Cancel what runs in the background."""
        for source in self.sources:
            if source.cache is not None:
                await source.cache.close()


def _getter(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """Takes the values of these names out of a mapping, in order."""
    if len(names) == 1:
        [name] = names
        return lambda values: (values[name],)
    return itemgetter(*names) if names else lambda _values: ()


def _by_position(function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """The function, which takes the arguments of these names by position."""
    keyword_only = inspect.Parameter.KEYWORD_ONLY
    if not names or all(p.kind is not keyword_only for p in inspect.signature(function).parameters.values()):
        return function
    return lambda *arguments: function(**dict(zip(names, arguments, strict=True)))


def _with_policies(step: Step, budget: RetryBudget | None) -> Call:
    """The source's function with its policies around it, from the inside out."""
    source = step.source
    call: Call = _by_position(source.function, [i.name for i in step.inputs])
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
