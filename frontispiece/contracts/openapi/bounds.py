"""Bounds of JSON values as intervals, and whether a single value is valid by a schema's rules."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final

PAIRS: Final = (("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties"))
"""Bounds of sizes; without a lower one, it is 0."""

NUMERIC_FORMATS: Final[Mapping[Any, str]] = {"int32": "int64", "float": "double"}
"""Formats of numbers, and the wider one that contains all their values."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The end of an interval."""

    value: float
    exclusive: bool = False


def lower(rules: Mapping[str, Any], *, is_integer: bool) -> Bound:
    """The lower bound of a number; exclusive bounds of integers are written as inclusive ones."""
    return _bound(rules, "minimum", "exclusiveMinimum", -inf, is_integer=is_integer, step=1)


def upper(rules: Mapping[str, Any], *, is_integer: bool) -> Bound:
    """The upper bound of a number."""
    return _bound(rules, "maximum", "exclusiveMaximum", inf, is_integer=is_integer, step=-1)


def _bound(
    rules: Mapping[str, Any], name: str, exclusive_name: str, none: float, *, is_integer: bool, step: int
) -> Bound:
    inclusive, exclusive = rules.get(name, none), rules.get(exclusive_name)
    if exclusive is True:  # OpenAPI 3.0
        found = Bound(inclusive, exclusive=True)
    elif exclusive is None or exclusive is False:
        found = Bound(inclusive)
    elif (exclusive >= inclusive) if step > 0 else (exclusive <= inclusive):
        found = Bound(exclusive, exclusive=True)
    else:
        found = Bound(inclusive)
    if is_integer and found.exclusive and float(found.value).is_integer():
        return Bound(found.value + step)
    return found


def is_below(one: Bound, other: Bound) -> bool:
    """Whether a lower bound allows smaller values than another one."""
    return (one.value, one.exclusive) < (other.value, other.exclusive)


def is_above(one: Bound, other: Bound) -> bool:
    """Whether an upper bound allows greater values than another one."""
    return (one.value, not one.exclusive) > (other.value, not other.exclusive)


def is_multiple(one: float, other: float) -> bool:
    """Whether all multiples of one number are multiples of another."""
    ratio = one / other
    return ratio.is_integer()


def keeps(rules: Mapping[str, Any], value: Any) -> bool:
    """Whether a value is valid; rules of lists, objects and formats are not evaluated: violated."""
    if isinstance(value, str):
        if not rules.get("minLength", 0) <= len(value) <= rules.get("maxLength", inf):
            return False
        if (pattern := rules.get("pattern")) is not None:
            try:
                return re.search(pattern, value) is not None
            except re.error:
                return False
        return "format" not in rules
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = lower(rules, is_integer=False), upper(rules, is_integer=False)
        inside = not is_below(Bound(value), low) and not is_above(Bound(value), high)
        return inside and ("multipleOf" not in rules or is_multiple(value, rules["multipleOf"]))
    return not isinstance(value, list | dict) or not rules
