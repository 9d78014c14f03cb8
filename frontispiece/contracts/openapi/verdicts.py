"""The changes within a schema, and what each kind of change means for clients, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class Verdict(StrEnum):
    """The effect of a change on clients that rely on all of a document."""

    BREAK = "break"
    WARNING = "warning"
    COMPATIBLE = "compatible"


class Direction(StrEnum):
    """The sender of the values that a schema describes: the server or the client."""

    RESPONSE = "response"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class Rule:
    """A verdict and its reason."""

    verdict: Verdict
    reason: str


BREAK, WARNING, COMPATIBLE = Verdict.BREAK, Verdict.WARNING, Verdict.COMPATIBLE

FEWER_SENT: Final = Rule(COMPATIBLE, "clients know all that is still sent")
MORE_TAKEN: Final = Rule(COMPATIBLE, "all that clients send is still taken")


def _widens(response: str) -> Mapping[Direction, Rule]:
    return {Direction.RESPONSE: Rule(BREAK, response), Direction.REQUEST: MORE_TAKEN}


def _narrows(request: str, response: Rule = FEWER_SENT) -> Mapping[Direction, Rule]:
    return {Direction.RESPONSE: response, Direction.REQUEST: Rule(BREAK, request)}


def _both(reason: str) -> Mapping[Direction, Rule]:
    return dict.fromkeys(Direction, Rule(BREAK, reason))


OF_SCHEMAS: Final[Mapping[str, Mapping[Direction, Rule]]] = {
    "property removed": {
        Direction.RESPONSE: Rule(BREAK, "clients that read it no longer find it"),
        Direction.REQUEST: Rule(WARNING, "what clients send there is ignored without a word"),
    },
    "property refused": _narrows(
        "what clients send there is refused", Rule(BREAK, "clients that read it no longer find it")
    ),
    "property added": {
        Direction.RESPONSE: Rule(COMPATIBLE, "clients ignore what they do not know"),
        Direction.REQUEST: Rule(COMPATIBLE, "clients may leave it out"),
    },
    "property added to a closed object": {
        Direction.RESPONSE: Rule(WARNING, "clients that validate strictly refuse it"),
        Direction.REQUEST: Rule(COMPATIBLE, "clients may leave it out"),
    },
    "required property added": {
        Direction.RESPONSE: Rule(COMPATIBLE, "clients ignore what they do not know"),
        Direction.REQUEST: Rule(BREAK, "clients do not send it"),
    },
    "required property added to a closed object": {
        Direction.RESPONSE: Rule(WARNING, "clients that validate strictly refuse it"),
        Direction.REQUEST: Rule(BREAK, "clients do not send it"),
    },
    "property became optional": _widens("clients read it without asking whether it is there"),
    "property became required": _narrows("clients may leave it out"),
    "type widened": _widens("clients get a type that they do not know"),
    "type narrowed": _narrows("what clients send is refused"),
    "variant added": _widens("clients get a variant that they do not know"),
    "variant removed": _narrows("what clients send is refused"),
    "became nullable": _widens("clients read the value without asking whether it is null"),
    "became non-nullable": _narrows("clients may send null"),
    "enum value added": _widens("clients get a value that they do not know"),
    "enum value removed": _narrows("clients may send it"),
    "enum dropped": _widens("clients get values that they do not know"),
    "restricted to an enum": _narrows("clients may send another value"),
    "bound loosened": _widens("clients get values beyond what they were promised"),
    "bound tightened": _narrows("values that clients may send are refused"),
    "multiple dropped": _widens("clients get values between the steps"),
    "multiple required": _narrows("values between the steps are refused"),
    "multiple changed": _both("values of the one step are none of the other"),
    "pattern dropped": _widens("clients get texts of any form"),
    "pattern required": _narrows("texts that clients may send are refused"),
    "pattern changed": _both("whether one pattern contains the other cannot be known"),
    "format dropped": _widens("clients parse what no longer has the format"),
    "format required": _narrows("texts without the format are refused"),
    "format changed": _both("values of the one format are none of the other"),
    "format widened": _widens("clients get values too large for them"),
    "format narrowed": _narrows("values that clients may send are too large"),
    "encoding changed": _both("clients read and write the former encoding"),
    "items became unique": _narrows("clients may send an item twice"),
    "items may repeat": _widens("clients may rely on unique items"),
    "tuple changed": _both("items stand at other places"),
    "further properties refused": _narrows("clients may send properties of other names"),
    "further properties allowed": {
        Direction.RESPONSE: Rule(WARNING, "clients that validate strictly refuse them"),
        Direction.REQUEST: MORE_TAKEN,
    },
    "discriminator changed": _both("clients tell variants by the former property or value"),
    "default changed": {
        Direction.RESPONSE: Rule(COMPATIBLE, "clients read what is sent"),
        Direction.REQUEST: Rule(BREAK, "clients that leave it out get something else"),
    },
    "default dropped": {
        Direction.RESPONSE: Rule(COMPATIBLE, "clients read what is sent"),
        Direction.REQUEST: Rule(WARNING, "what clients get that leave it out is not said any more"),
    },
    "default added": {
        Direction.RESPONSE: Rule(COMPATIBLE, "clients read what is sent"),
        Direction.REQUEST: Rule(WARNING, "clients that leave it out may get something else"),
    },
    "not understood": _both("it cannot be compared, so it counts as a break"),
}

OF_OPERATIONS: Final[Mapping[str, Rule]] = {
    "operation removed": Rule(BREAK, "clients call it"),
    "operation added": Rule(COMPATIBLE, "nobody calls it yet"),
    "operation deprecated": Rule(COMPATIBLE, "it responds as before"),
    "path parameter renamed": Rule(COMPATIBLE, "its name is not in requests"),
    "parameter removed": Rule(WARNING, "what clients send is ignored without a word"),
    "parameter added": Rule(COMPATIBLE, "clients may leave it out"),
    "required parameter added": Rule(BREAK, "clients do not send it"),
    "parameter became required": Rule(BREAK, "clients may leave it out"),
    "parameter became optional": Rule(COMPATIBLE, "clients may go on sending it"),
    "parameter encoding changed": Rule(BREAK, "clients write it in the former style"),
    "pagination added": Rule(BREAK, "clients take the first page for everything"),
    "request body removed": Rule(WARNING, "what clients send is ignored without a word"),
    "request body added": Rule(COMPATIBLE, "clients may leave it out"),
    "required request body added": Rule(BREAK, "clients send none"),
    "request body became required": Rule(BREAK, "clients may send none"),
    "request body became optional": Rule(COMPATIBLE, "clients may go on sending it"),
    "request media type removed": Rule(BREAK, "clients send it"),
    "request media type added": Rule(COMPATIBLE, "clients send another one"),
    "success status removed": Rule(BREAK, "clients wait for it"),
    "success status added": Rule(WARNING, "clients may not know what it means"),
    "redirection removed": Rule(WARNING, "clients may rely on it, as on 304"),
    "redirection added": Rule(WARNING, "clients may not follow it"),
    "failure status removed": Rule(WARNING, "clients may tell failures by it"),
    "failure status added": Rule(COMPATIBLE, "clients treat an unknown status as the first of its class"),
    "response media type removed": Rule(BREAK, "clients read it"),
    "response media type added": Rule(COMPATIBLE, "clients get it when they ask for it"),
    "response header removed": Rule(BREAK, "clients that read it no longer find it"),
    "response header added": Rule(COMPATIBLE, "clients ignore what they do not know"),
    "response header became optional": Rule(BREAK, "clients read it without asking whether it is there"),
    "response header became required": Rule(COMPATIBLE, "clients know all that is still sent"),
    "security added": Rule(BREAK, "requests that were enough lack a credential or a scope"),
    "security relaxed": Rule(COMPATIBLE, "requests that were enough still are"),
    "security scheme changed": Rule(BREAK, "clients prove who they are in the former way"),
    "servers changed": Rule(WARNING, "clients may call the former address"),
    "not understood": Rule(BREAK, "it cannot be compared, so it counts as a break"),
}

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


def shortened(value: Any) -> str:
    """A value in messages, not too long."""
    text = repr(value)
    return text if len(text) <= LENGTH else f"{text[:LENGTH]}…"
