"""Whether requests that were enough for an operation still are."""

from collections.abc import Iterator, Mapping
from typing import Any

from frontispiece.contracts.openapi.document import Document

Json = Mapping[str, Any]
Requirement = Mapping[str, list[str]]


def changes(old: Document, new: Document, before: Json, after: Json) -> Iterator[tuple[str, str]]:
    """The kind and the detail of each change of what an operation requires of its callers."""
    was, now = _requirements(old, before), _requirements(new, after)
    if unmet := [each for each in was if not any(_suffices(each, wanted) for wanted in now)]:
        yield "security added", f"{_shown(unmet[0])} → {' or '.join(map(_shown, now))}"
    elif any(not any(_suffices(each, wanted) for wanted in was) for each in now):
        yield "security relaxed", f"{' or '.join(map(_shown, was))} → {' or '.join(map(_shown, now))}"
    for name in sorted({name for each in was for name in each} & {name for each in now for name in each}):
        if _scheme(old, name) != _scheme(new, name):
            yield "security scheme changed", name


def _requirements(document: Document, operation: Json) -> list[Requirement]:
    """The alternatives, of which one must be met; nothing is the one that everybody meets."""
    return operation.get("security", document.root.get("security", [])) or [{}]


def _suffices(met: Requirement, wanted: Requirement) -> bool:
    """Whether a request that meets one requirement meets another."""
    return all(name in met and set(scopes) <= set(met[name]) for name, scopes in wanted.items())


def _scheme(document: Document, name: str) -> Any:
    """A security scheme without its description."""
    found = document.root.get("components", {}).get("securitySchemes", {}).get(name)
    if found is None:
        return None
    return {key: value for key, value in document.expanded(found).items() if key != "description"}


def _shown(requirement: Requirement) -> str:
    if not requirement:
        return "nothing"
    return " and ".join(
        f"{name}({', '.join(scopes)})" if scopes else name for name, scopes in requirement.items()
    )
