"""What a text in a path, a query or a header may stand for: it has no type of its own, its schema has."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import jsonschema_rs

TRUE: Final = frozenset({"true", "1", "on", "yes"})
FALSE: Final = frozenset({"false", "0", "off", "no"})
"""What the frameworks of services take for true and false."""

LONGEST_MESSAGE: Final = 300

_INTEGER = re.compile(r"-?[0-9]{1,100}")
_NUMBER = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?")


def readings(text: str) -> Iterator[object]:
    """Everything that a text may mean."""
    yield text
    yield from _numbers(text)
    yield from _truths(text)


def readings_of_list(texts: Sequence[str]) -> Iterator[object]:
    """Everything that several texts may mean, together."""
    yield list(texts)
    for kind in (_numbers, _truths):
        items = [next(kind(text), None) for text in texts]
        if None not in items:
            yield items


def _numbers(text: str) -> Iterator[object]:
    if _INTEGER.fullmatch(text):
        yield int(text)
    elif _NUMBER.fullmatch(text):
        yield float(text)


def _truths(text: str) -> Iterator[object]:
    lower = text.lower()
    if lower in TRUE or lower in FALSE:
        yield lower in TRUE


def faults_of(
    validator: jsonschema_rs.Draft202012Validator, meanings: Sequence[object]
) -> list[tuple[list[str], str]]:
    """What is wrong with each meaning of a value, told of the one that comes closest; nothing if one fits.

    Returns:
        Where within the value, and what.
    """
    closest: list[tuple[list[str], str]] = []
    for meaning in meanings:
        if validator.is_valid(meaning):
            return []
        errors = list(validator.iter_errors(meaning))
        of_another_type = any(error.kind.name == "type" and not error.instance_path for error in errors)
        if not closest or not of_another_type:
            closest = [
                ([str(step) for step in error.instance_path], error.message[:LONGEST_MESSAGE])
                for error in errors
            ]
    return closest
