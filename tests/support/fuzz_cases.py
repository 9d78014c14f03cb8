"""Requests as an OpenAPI document describes them, and such as break its rules."""

import warnings
from contextlib import suppress
from itertools import count
from typing import Any, Final
from unittest import SkipTest

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import HypothesisDeprecationWarning, StopTest, Unsatisfiable, UnsatisfiedAssumption
from hypothesis.strategies import DataObject, SearchStrategy, data
from schemathesis import Case, GenerationMode, openapi
from schemathesis.config import SchemathesisConfig

from tests.support.contracts import Json

Request = Case[Any]

SAME_IN_EVERY_RUN: Final = 100
"""The most examples of an operation that are the same in every run."""

MAX_TRIES: Final = 40
"""How many generated requests may fit none of an operation's rules before the first that does."""


def cases(document: Json, method: str, path: str, examples: int) -> list[Request]:
    """Requests for one operation: half are such as its document describes, half break its rules.

    They are the same in every run up to `SAME_IN_EVERY_RUN`.
    """
    config = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
    operation = openapi.from_dict(document, config=config)[path][method]
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    strategies = [operation.as_strategy(generation_mode=mode) for mode in modes]
    half, same = max(1, examples // 2), examples <= SAME_IN_EVERY_RUN
    return [case for strategy in strategies for case in _generated(strategy, half, derandomize=same)]


def _generated(strategy: SearchStrategy[Request], examples: int, *, derandomize: bool) -> list[Request]:
    found: list[Request] = []
    tries = count()

    @settings(
        max_examples=examples,
        derandomize=derandomize,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawing=data())
    def collect(drawing: DataObject) -> None:
        try:
            found.append(drawing.draw(strategy))
        except (StopTest, UnsatisfiedAssumption):
            if next(tries) >= MAX_TRIES and not found:
                raise SkipTest("nothing fits") from None  # which ends the search
            raise

    with warnings.catch_warnings(), suppress(Unsatisfiable, SkipTest):  # no parameter has a rule to break
        warnings.simplefilter("ignore", HypothesisDeprecationWarning)  # the generator's own
        collect()
    return found
