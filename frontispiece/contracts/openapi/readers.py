"""The readers that a change concerns: versions of clients by their pacts, apps by their recorded calls."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from frontispiece.contracts.openapi.operations import OPERATION, REQUEST, OperationChange, shape
from frontispiece.contracts.repository import Interaction, PactFile, Tree
from frontispiece.errors import ConfigError
from frontispiece.http.media_types import is_json

SERVICES: Final = "services/"
ANYBODY: Final = "callers without a contract"
"""The readers of an operation that nobody has a contract about: all of it counts as read."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an operation, and the fields of its response that `reader`, a version or an app, reads."""

    reader: str
    interaction: Interaction

    def __str__(self) -> str:
        return f"{self.reader}: {self.interaction.description}"

    def is_of(self, change: OperationChange) -> bool:
        """Whether a change concerns the operation that is called."""
        called = self.interaction
        return called.method.lower() == change.method and fits(called.path, change.path)

    def reads(self, change: OperationChange) -> bool:
        """Whether a change concerns this call."""
        if not self.is_of(change):
            return False
        content = self.interaction.content
        if change.part in {OPERATION, REQUEST}:
            return True
        status, _, of = change.place.partition(" ")
        if status and not self._has(status):
            return False
        if "/" in of and not is_json(of):  # a medium that is no document, as an example of a body is one
            return not isinstance(content, dict | list)
        if (of and "/" not in of) or not change.pointer:  # a header, or the body as a whole
            return True
        return _contains(content, change.pointer.removeprefix("/").split("/"))

    def _has(self, status: str) -> bool:
        """Whether the call reads responses of a status of the document."""
        if self.interaction.status is None:
            return status.startswith("2")
        text = str(self.interaction.status)
        return status in {text, f"{text[0]}XX"} or (status == "default" and not text.startswith("2"))


def of_pacts(pacts: Iterable[PactFile], app: str) -> list[Call]:
    """The calls of an app by versions in the field."""
    return [Call(str(pact), each) for pact in pacts if pact.provider == app for each in pact.interactions]


def of_services(tree: Tree, app: str) -> list[Call]:
    """The calls of an app by other apps, from the files that record them.

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
        content = None if each["reads"] is None else _example(each["reads"])
        called = Interaction(each["client"], each["method"], each["path"], None, content)
        yield Call(document["consumer"], called)


def _example(reads: Mapping[str, str]) -> Any:
    """The members of a body, from paths such as `items[].total`; a path of `[]` is that of an array."""
    root: dict[str, Any] = {}
    for path in reads:
        inner = root
        for step in path.replace("[]", ".*").strip(".").split("."):
            inner = inner.setdefault(step, {})
    return root


def readers(change: OperationChange, calls: list[Call], *, are_all: bool) -> list[str]:
    """The readers that a change concerns.

    Where others may call it, too (not `are_all`), an operation without known calls counts as read by
    `ANYBODY`.
    """
    own = [call for call in calls if call.is_of(change)]
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
