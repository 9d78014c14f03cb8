"""The documents of all apps, at a revision and now: which changes break whom."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from frontispiece.contracts.openapi.document import Document, NotUnderstood
from frontispiece.contracts.openapi.operations import OperationChange, compare
from frontispiece.contracts.openapi.readers import Call, of_pacts, of_services, readers
from frontispiece.contracts.openapi.verdicts import Verdict
from frontispiece.contracts.repository import Contracts, PactFile, Tree
from frontispiece.errors import ConfigError

FOLDER: Final = "openapi/"

NO_OPERATIONS: Final = {"openapi": "3.1.0", "paths": {}}


class Severity(StrEnum):
    """The severity of a change for a release."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A change of an app's document.

    Args:
        readers: who reads what it concerns, as far as contracts say.
    """

    app: str
    change: OperationChange
    readers: tuple[str, ...]

    @property
    def severity(self) -> Severity:
        """A break that somebody reads is an error; one that nobody reads is a warning."""
        if self.change.verdict is Verdict.COMPATIBLE:
            return Severity.INFO
        is_error = self.change.verdict is Verdict.BREAK and self.readers
        return Severity.ERROR if is_error else Severity.WARNING

    def document(self) -> dict[str, Any]:
        """The finding in JSON."""
        change = self.change
        return {
            "app": self.app,
            "operation": change.operation,
            "part": change.part,
            "place": change.place,
            "pointer": change.pointer,
            "change": change.kind,
            "detail": change.detail,
            "verdict": str(change.verdict),
            "reason": change.reason,
            "readers": list(self.readers),
            "severity": str(self.severity),
        }


def diff(old: Tree, new: Tree, today: date) -> list[Finding]:
    """Every change between the documents of two trees, the worst first.

    Versions in the field, and what they read, are those of both trees: a contract that is deleted together
    with what it protects would say nothing.

    Raises:
        ConfigError: with everything that cannot be read or compared: it is never "nothing broke".
    """
    apps = sorted({*_apps(old), *_apps(new)})
    if not apps:
        raise ConfigError([f"there is no document at {old.place(FOLDER)}, nor at {new.place(FOLDER)}"])
    pacts = _in_field(old, new, today)
    errors: list[str] = []
    found: list[Finding] = []
    for app in apps:
        try:
            of_clients = of_pacts(pacts, app)
            calls = [*of_clients, *of_services(old, app), *of_services(new, app)]
            changes = compare(
                *(document_of(tree, app) or Document(NO_OPERATIONS, app) for tree in (old, new))
            )
            found += [_finding(app, change, calls, are_all=bool(of_clients)) for change in changes]
        except ConfigError as error:
            errors += error.errors
        except NotUnderstood as error:
            errors.append(f"{app}: {error}")
    if errors:
        raise ConfigError(errors)
    order = list(Severity)
    return sorted(found, key=lambda each: (order.index(each.severity), each.app))


def _finding(app: str, change: OperationChange, calls: list[Call], *, are_all: bool) -> Finding:
    is_known = change.verdict is Verdict.COMPATIBLE
    concerned = () if is_known else tuple(readers(change, calls, are_all=are_all))
    return Finding(app=app, change=change, readers=concerned)


def _apps(tree: Tree) -> list[str]:
    return [
        name.removeprefix(FOLDER).removesuffix(".json")
        for name in tree.names()
        if name.startswith(FOLDER) and name.endswith(".json")
    ]


def document_of(tree: Tree, app: str) -> Document | None:
    """The document of an app in `openapi/`; None without one.

    Raises:
        ConfigError: it cannot be read.
    """
    name = f"{FOLDER}{app}.json"
    return Document.parse(tree.read(name), tree.place(name)) if name in tree.names() else None


def _in_field(old: Tree, new: Tree, today: date) -> list[PactFile]:
    """The contracts of both trees whose version the newer list does not say to be retired."""
    newer, older = Contracts.load(new), Contracts.load(old)
    pacts = {(pact.client, pact.version): pact for pact in [*older.pacts, *newer.pacts]}
    return [pact for key, pact in sorted(pacts.items()) if not _is_retired(newer, key, today)]


def _is_retired(contracts: Contracts, key: tuple[str, str], today: date) -> bool:
    entry = contracts.released.find(*key)
    return entry is not None and entry.is_retired(today)
