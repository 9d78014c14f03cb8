"""Answers cut to a number of bytes: an agent pays for each byte that it reads."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

LONG: Final = 200
"""Texts of so many characters are not cut any more."""

ELLIPSIS: Final = "…"

MAX_NOTES: Final = 10
"""So many cuts are described one by one."""


class _Place(NamedTuple):
    """A list or a long text within an answer: its owner there, its key, and its path in words."""

    owner: Any
    key: Any
    path: str

    @property
    def value(self) -> Any:
        return self.owner[self.key]


def shorten(answer: Any, max_bytes: int) -> list[str]:
    """Cut the longest lists and texts of an answer, in place, until its JSON fits if it can.

    Returns:
        what was left out, in words.
    """
    lengths: dict[str, tuple[int, int]] = {}
    holder = {"": answer}
    while len(msgspec.json.encode(answer)) > max_bytes:
        places = [(len(msgspec.json.encode(each.value)), each) for each in _places(holder, "", "")]
        if not places:
            break
        largest = max(size for size, _ in places)
        for size, place in reversed(places):  # what is within a list before the list
            if 2 * size > largest:  # many at once: one a round would take as many rounds as there are
                _halve(place, lengths)
    notes = [
        f"{path or 'the answer'}: {left} of {whole} {'items' if path.endswith('[]') else 'characters'} shown"
        for path, (whole, left) in lengths.items()
    ]
    return (
        notes
        if len(notes) <= MAX_NOTES
        else [*notes[:MAX_NOTES], f"{len(notes) - MAX_NOTES} more like these"]
    )


def _halve(place: _Place, lengths: dict[str, tuple[int, int]]) -> None:
    value = place.value
    left = value[: len(value) // 2]
    whole = lengths.get(place.path, (len(value), 0))[0]
    place.owner[place.key] = left.rstrip(ELLIPSIS) + ELLIPSIS if isinstance(left, str) else left
    lengths[place.path] = whole, len(left)


def _places(owner: Any, key: Any, path: str) -> Iterator[_Place]:
    value = owner[key]
    if isinstance(value, str) and len(value) > LONG:
        yield _Place(owner, key, path)
    elif isinstance(value, list):
        if len(value) > 1:
            yield _Place(owner, key, f"{path}[]")
        for index in range(len(value)):
            yield from _places(value, index, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name in value:
            yield from _places(value, name, f"{path}.{name}".lstrip("."))
