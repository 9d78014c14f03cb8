"""The priorities of endpoints: the first gets calls while enough of it is available, then also the next."""

from bisect import bisect
from collections.abc import Callable, Iterable
from itertools import accumulate, groupby
from typing import Final

from frontispiece.upstream.endpoint import Endpoint

OVERPROVISIONING: Final = 1.4
"""A priority gets all calls until less than 1 / 1.4 (71 %) of it is available (Envoy's default)."""


class Level:
    """The available endpoints of one priority."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        every = list(endpoints)
        self.endpoints = [each for each in every if each.is_available]
        weights = [each.instance.weight for each in self.endpoints]
        self.share = min(1.0, OVERPROVISIONING * sum(weights) / sum(each.instance.weight for each in every))
        """Of the calls: the others spill over to the next level."""
        self._bounds = list(accumulate(weights)) if len(set(weights)) > 1 else None

    def choose(self, random: Callable[[], float]) -> Endpoint:
        """Of two random endpoints the one with fewer requests outstanding, in proportion to their weights."""
        if self._bounds is None:
            return of_two(self.endpoints, random)
        one, other = (self.endpoints[bisect(self._bounds, random() * self._bounds[-1])] for _ in range(2))
        return other if other.load < one.load else one


def of_two(endpoints: list[Endpoint], random: Callable[[], float]) -> Endpoint:
    """Of two random endpoints the one with fewer requests outstanding."""
    count = len(endpoints)
    if count == 1:
        return endpoints[0]
    first = int(random() * count)
    second = int(random() * (count - 1))
    one, other = endpoints[first], endpoints[second if second < first else second + 1]
    return other if other.outstanding < one.outstanding else one


def levels_of(endpoints: Iterable[Endpoint]) -> list[Level]:
    """The levels that have available endpoints, the first one first."""
    ranked = sorted(endpoints, key=_priority)
    levels = [Level(group) for _, group in groupby(ranked, _priority)]
    return [level for level in levels if level.endpoints]


def _priority(endpoint: Endpoint) -> int:
    return endpoint.instance.priority
