"""Who reads what a change concerns: versions of clients by their pacts, apps by their recorded calls."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from frontispiece.contracts.openapi.operations import OPERATION, REQUEST, Change, shape
from frontispiece.contracts.repository import PactFile, Tree
from frontispiece.errors import ConfigError
from frontispiece.http.media_types import is_json

SERVICES: Final = "services/"
ANYBODY: Final = "callers without a contract"
"""The readers of an operation that nobody has a contract about: all of it counts as read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What somebody reads of an operation.

    Args:
        reader: the client and version, or the app.
        screen: what of it makes the call.
        path: of the request; a template's placeholders stand for themselves.
        status: of the response that is read; None for every success.
        content: an example of what is read of the body; None for nothing.
    """

    reader: str
    screen: str
    method: str
    path: str
    status: int | None
    content: Any

    def __str__(self) -> str:
        return f"{self.reader}: {self.screen}"

    def reads(self, change: Change) -> bool:
        """Whether a change concerns this call."""
        if self.method.lower() != change.method or not fits(self.path, change.path):
            return False
        if change.part in {OPERATION, REQUEST}:
            return True
        status, _, of = change.place.partition(" ")
        if status and not self._has(status):
            return False
        if "/" in of and not is_json(of):  # a medium that is no document, as an example of a body is one
            return not isinstance(self.content, dict | list)
        if (of and "/" not in of) or not change.pointer:  # a header, or the body as a whole
            return True
        return _contains(self.content, change.pointer.removeprefix("/").split("/"))

    def _has(self, status: str) -> bool:
        """Whether the call reads responses of a status of the document."""
        if self.status is None:
            return status.startswith("2")
        text = str(self.status)
        return status in {text, f"{text[0]}XX"} or (status == "default" and not text.startswith("2"))


def of_pacts(pacts: Iterable[PactFile], app: str) -> list[Call]:
    """What the versions in the field read of an app."""
    return [
        Call(
            reader=str(pact),
            screen=each.description,
            method=each.method,
            path=each.path,
            status=each.status,
            content=each.content,
        )
        for pact in pacts
        if pact.provider == app
        for each in pact.interactions
    ]


def of_services(tree: Tree, app: str) -> list[Call]:
    """What other apps read of an app, by the files that record their calls.

    Raises:
        ConfigError: a file cannot be read.
    """
    found = []
    for name in tree.names():
        if name.startswith(SERVICES) and name.endswith(".json"):
            try:
                found += list(_recorded(json.loads(tree.read(name)), app))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise ConfigError([f"{tree.place(name)} cannot be read: {error}"]) from None
    return found


def _recorded(document: Mapping[str, Any], app: str) -> Iterator[Call]:
    for each in document["services"].get(app, {}).get("http", []):
        yield Call(
            reader=document["consumer"],
            screen=each["client"],
            method=each["method"],
            path=each["path"],
            status=None,
            content=None if each["reads"] is None else _example(each["reads"]),
        )


def _example(reads: Mapping[str, str]) -> Any:
    """The members of a body, from paths such as `items[].total`; a path of `[]` is that of an array."""
    root: dict[str, Any] = {}
    for path in reads:
        inner = root
        for step in path.replace("[]", ".*").strip(".").split("."):
            inner = inner.setdefault(step, {})
    return root


def readers(change: Change, calls: list[Call], *, are_all: bool) -> list[str]:
    """Who is concerned by a change.

    Args:
        change: the change.
        calls: those that are known.
        are_all: whether nobody makes others; if not, an operation without calls counts as read by `ANYBODY`.
    """
    own = [call for call in calls if call.method.lower() == change.method and fits(call.path, change.path)]
    if not own and not are_all:
        return [ANYBODY]
    return list(dict.fromkeys(str(call) for call in own if call.reads(change)))


def fits(path: str, template: str) -> bool:
    """Whether a request's path is one of a template."""
    steps, wanted = shape(path).split("/"), shape(template).split("/")
    return len(steps) == len(wanted) and all(
        there in {step, "{}"} for step, there in zip(steps, wanted, strict=True)
    )


def _contains(content: Any, pointer: list[str]) -> bool:
    """Whether an example of a body has what a pointer leads to; `*` is every item and every name."""
    if content is None:
        return False
    if not pointer:
        return True
    name, rest = pointer[0].replace("~1", "/").replace("~0", "~"), pointer[1:]
    if isinstance(content, list):
        return (name == "*" or name.isdigit()) and any(_contains(item, rest) for item in content)
    if isinstance(content, dict):
        inner = content.values() if name == "*" else [content[key] for key in (name, "*") if key in content]
        return any(value is None or _contains(value, rest) for value in inner)
    return False
