"""Every change from one OpenAPI document to another, operation by operation."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from frontispiece.contracts.openapi import security
from frontispiece.contracts.openapi.document import Document
from frontispiece.contracts.openapi.pagination import pagination_added
from frontispiece.contracts.openapi.schemas import Comparison
from frontispiece.contracts.openapi.verdicts import OF_OPERATIONS, OF_SCHEMAS, Direction, Rule, Verdict

Json = Mapping[str, Any]

OPERATION: Final = "operation"
REQUEST: Final = "request"
RESPONSE: Final = "response"

NOT_COMPARED: Final = ("callbacks", "links")
"""Parts of operations whose changes are not understood."""

STYLES: Final = {"path": "simple", "header": "simple", "query": "form", "cookie": "form"}
"""How parameters are written unless they say otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationChange:
    """A change that concerns an operation.

    Args:
        path: the operation's path, as the older document has it.
        part: `operation`, `request` or `response`.
        place: where in it, such as `query limit`, `200` or `200 ETag`.
        pointer: into the body's values; empty for all of it.
        kind: a key of `OF_SCHEMAS` or `OF_OPERATIONS`.
        detail: what was, and what is.
    """

    method: str
    path: str
    part: str
    place: str = ""
    pointer: str = ""
    kind: str
    detail: str = ""
    verdict: Verdict
    reason: str

    @property
    def operation(self) -> str:
        """The operation, such as `GET /things`."""
        return f"{self.method.upper()} {self.path}"


def compare(old: Document, new: Document) -> Iterator[OperationChange]:
    """Every change of every operation."""
    before = {(method, shape(path)): (path, operation) for path, method, operation in old.operations()}
    after = {(method, shape(path)): (path, operation) for path, method, operation in new.operations()}
    for key in sorted(before.keys() | after.keys(), key=lambda key: (key[1], key[0])):
        method = key[0]
        path, new_path = (before.get(key) or after[key])[0], (after.get(key) or before[key])[0]
        changed = _Operation(old, new, method, path, new_path)
        if key not in after:
            yield changed.of("operation removed")
        elif key not in before:
            yield changed.of("operation added")
        else:
            if path != new_path:
                yield changed.of("path parameter renamed", detail=new_path)
            yield from changed.compare(before[key][1], after[key][1])


def shape(path: str) -> str:
    """A path with its parameters unnamed, for their names are in no request."""
    return re.sub(r"\{[^}]*\}", "{}", path)


@dataclass(frozen=True)
class _Operation:
    old: Document
    new: Document
    method: str
    path: str
    new_path: str

    def of(
        self,
        kind: str,
        part: str = OPERATION,
        *,
        place: str = "",
        pointer: str = "",
        detail: str = "",
        rule: Rule | None = None,
    ) -> OperationChange:
        """A change; its rule is that of operations unless another is given."""
        rule = rule or OF_OPERATIONS[kind]
        return OperationChange(
            method=self.method,
            path=self.path,
            part=part,
            place=place,
            pointer=pointer,
            kind=kind,
            detail=detail,
            verdict=rule.verdict,
            reason=rule.reason,
        )

    def compare(self, old: Json, new: Json) -> Iterator[OperationChange]:
        if new.get("deprecated") and not old.get("deprecated"):
            yield self.of("operation deprecated")
        yield from (
            self.of(kind, detail=detail) for kind, detail in security.changes(self.old, self.new, old, new)
        )
        if _servers(self.old, old) != _servers(self.new, new):
            yield self.of("servers changed")
        for name in NOT_COMPARED:
            if self.old.expanded(old.get(name)) != self.new.expanded(new.get(name)):
                yield self.of("not understood", detail=name)
        yield from self._parameters(old, new)
        yield from self._request(old, new)
        yield from self._responses(old, new)
        if pagination_added(self.old, self.new, old, new):
            yield self.of("pagination added", RESPONSE)

    def _parameters(self, old: Json, new: Json) -> Iterator[OperationChange]:
        before, after = _by_place(self.path, old["parameters"]), _by_place(self.new_path, new["parameters"])
        for key in sorted(before.keys() | after.keys()):
            place = f"{key[0]} {(before.get(key) or after[key])['name']}"
            if key not in after:
                yield self.of("parameter removed", REQUEST, place=place)
                continue
            now = after[key]
            is_needed = bool(now.get("required"))
            if key not in before:
                kind = "required parameter added" if is_needed else "parameter added"
                yield self.of(kind, REQUEST, place=place)
                continue
            if is_needed != bool(before[key].get("required")):
                kind = "parameter became required" if is_needed else "parameter became optional"
                yield self.of(kind, REQUEST, place=place)
            if _style(before[key]) != _style(now):
                yield self.of("parameter encoding changed", REQUEST, place=place)
            yield from self._schemas(before[key], now, Direction.REQUEST, REQUEST, place)

    def _schemas(
        self, old: Json, new: Json, direction: Direction, part: str, place: str
    ) -> Iterator[OperationChange]:
        """The changes of the schemas of a parameter, a header or a medium."""
        one, other = (_schema(each) for each in (old, new))
        for change in Comparison(self.old, self.new, direction).compare(one, other):
            rule, detail = OF_SCHEMAS[change.kind][direction], change.detail
            yield self.of(change.kind, part, rule=rule, place=place, pointer=change.pointer, detail=detail)

    def _request(self, old: Json, new: Json) -> Iterator[OperationChange]:
        before, after = old.get("requestBody"), new.get("requestBody")
        if before is None and after is None:
            return
        if after is None:
            yield self.of("request body removed", REQUEST, place="body")
            return
        now = self.new.resolve(after)
        is_needed = bool(now.get("required"))
        if before is None:
            kind = "required request body added" if is_needed else "request body added"
            yield self.of(kind, REQUEST, place="body")
            return
        was = self.old.resolve(before)
        if is_needed != bool(was.get("required")):
            kind = "request body became required" if is_needed else "request body became optional"
            yield self.of(kind, REQUEST, place="body")
        yield from self._content(was, now, Direction.REQUEST, "body")

    def _content(self, old: Json, new: Json, direction: Direction, place: str) -> Iterator[OperationChange]:
        """The changes of a body by its media types."""
        part = REQUEST if direction is Direction.REQUEST else RESPONSE
        before, after = _media(old), _media(new)
        for media_type in sorted(before.keys() | after.keys()):
            if media_type not in after:
                yield self.of(f"{part} media type removed", part, place=place, detail=media_type)
            elif media_type not in before:
                yield self.of(f"{part} media type added", part, place=place, detail=media_type)
            else:
                shown = place if len(before) == 1 else f"{place} {media_type}"
                yield from self._schemas(before[media_type], after[media_type], direction, part, shown)

    def _responses(self, old: Json, new: Json) -> Iterator[OperationChange]:
        before, after = old.get("responses", {}), new.get("responses", {})
        for status in sorted(before.keys() | after.keys()):
            was, now = _of_status(before, status), _of_status(after, status)
            if now is None:
                yield self.of(f"{_class_of(status)} removed", RESPONSE, place=status)
            elif was is None:
                yield self.of(f"{_class_of(status)} added", RESPONSE, place=status)
            else:
                one, other = self.old.resolve(was), self.new.resolve(now)
                yield from self._headers(one, other, status)
                yield from self._content(one, other, Direction.RESPONSE, status)

    def _headers(self, old: Json, new: Json, status: str) -> Iterator[OperationChange]:
        before, after = self._named(self.old, old), self._named(self.new, new)
        for name in sorted(before.keys() | after.keys()):
            place = f"{status} {name}"
            if name not in after:
                yield self.of("response header removed", RESPONSE, place=place)
            elif name not in before:
                yield self.of("response header added", RESPONSE, place=place)
            else:
                was, now = bool(before[name].get("required")), bool(after[name].get("required"))
                if was != now:
                    became = "required" if now else "optional"
                    yield self.of(f"response header became {became}", RESPONSE, place=place)
                yield from self._schemas(before[name], after[name], Direction.RESPONSE, RESPONSE, place)

    @staticmethod
    def _named(document: Document, response: Json) -> dict[str, Json]:
        return {name.lower(): document.resolve(each) for name, each in response.get("headers", {}).items()}


def _by_place(path: str, parameters: list[Json]) -> dict[tuple[str, str], Json]:
    """Parameters by place and name, those of the path by their position, headers in lower case."""
    positions = re.findall(r"\{([^}]*)\}", path)
    found: dict[tuple[str, str], Json] = {}
    for each in parameters:
        place, name = str(each.get("in")), str(each.get("name"))
        if place == "path" and name in positions:
            name = str(positions.index(name))
        found[place, name.lower() if place == "header" else name] = each
    return found


def _servers(document: Document, operation: Json) -> list[Any]:
    return [each.get("url") for each in operation.get("servers", document.root.get("servers", []))]


def _style(parameter: Json) -> tuple[str, bool, tuple[str, ...]]:
    style = parameter.get("style", STYLES.get(str(parameter.get("in")), "form"))
    return style, parameter.get("explode", style == "form"), tuple(parameter.get("content", ()))


def _schema(part: Json) -> Any:
    if "content" in part:
        return next((each.get("schema", {}) for each in part["content"].values()), {})
    return part.get("schema", {})


def _media(body: Json) -> dict[str, Json]:
    """The bodies by media type, without its parameters."""
    return {name.partition(";")[0].strip().lower(): each for name, each in body.get("content", {}).items()}


def _of_status(responses: Json, status: str) -> Any:
    """The response of a status, by itself, by its class or by default."""
    if status in responses or status == "default":
        return responses.get(status)
    return responses.get(f"{status[0]}XX", responses.get("default"))


def _class_of(status: str) -> str:
    return {"2": "success status", "3": "redirection"}.get(status[0], "failure status")
