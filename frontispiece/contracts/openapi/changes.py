"""A named change within a schema."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from frontispiece.contracts.openapi.verdicts import OF_SCHEMAS, Direction, Verdict

LENGTH: Final = 60
"""The longest value in messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaChange:
    """A change within a schema.

    Args:
        kind: a key of `OF_SCHEMAS`.
        pointer: a JSON Pointer into the values; `*` is every item, or every name.
        detail: what was, and what is.
    """

    kind: str
    pointer: str
    detail: str = ""

    @property
    def widens(self) -> bool:
        """Whether values may come that did not before."""
        return OF_SCHEMAS[self.kind][Direction.RESPONSE].verdict is not Verdict.COMPATIBLE


Changes = Iterator[SchemaChange]


def sizes(old: Mapping[str, Any], new: Mapping[str, Any], least: str, most: str, pointer: str) -> Changes:
    """The changes of a smallest and a largest size."""
    before, after = old.get(least, 0), new.get(least, 0)
    if before != after:
        kind = "bound loosened" if after < before else "bound tightened"
        yield SchemaChange(kind=kind, pointer=pointer, detail=f"{least}: {before} → {after}")
    before, after = old.get(most), new.get(most)
    if before != after:
        is_wider = after is None or (before is not None and after > before)
        kind = "bound loosened" if is_wider else "bound tightened"
        yield SchemaChange(kind=kind, pointer=pointer, detail=f"{most}: {before} → {after}")


def shown(value: Any) -> str:
    """A value in messages, not too long."""
    text = repr(value)
    return text if len(text) <= LENGTH else f"{text[:LENGTH]}…"
