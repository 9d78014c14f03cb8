"""May these providers be released while those versions are in the field? Files and git alone say it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from frontispiece.contracts.released import RELEASED
from frontispiece.contracts.repository import Contracts, Tree, stray_files


@dataclass(frozen=True)
class Change:
    """A difference between two states of the contracts.

    Args:
        is_breach: whether it takes from a released version what it relies on.
    """

    text: str
    is_breach: bool = False


def disagreements(tree: Tree, contracts: Contracts, today: date) -> list[str]:
    """Where files and released.toml do not say the same."""
    found = []
    if not contracts.has_list:
        found.append(f"{tree.place(RELEASED)} is missing: it lists the versions in the field")
    for pact in contracts.pacts:
        if contracts.has_list and contracts.released.find(pact.client, pact.version) is None:
            file = tree.place(f"{pact.client}/{pact.version}.json")
            found.append(f"{file} has no entry in {RELEASED}: add it under [[{pact.client}]]")
    for entry in contracts.released.in_field(today):
        if contracts.find(entry.client, entry.version) is None:
            file = tree.place(f"{entry.client}/{entry.version}.json")
            found.append(
                f"{file} is missing: {entry} leaves the field by `retired = DATE` in {RELEASED} alone"
            )
    clients = frozenset(entry.client for entry in contracts.released.versions)
    strays = stray_files(tree.names(), clients)
    found += [f"{tree.place(name)} is no contract: its name is <client>/<version>.json" for name in strays]
    return found


def changes(base: Contracts, now: Contracts, today: date) -> list[Change]:
    """The changes from the contracts of a revision to those of the working tree."""
    return [*_entry_changes(base, now, today), *_file_changes(base, now, today)]


def _entry_changes(base: Contracts, now: Contracts, today: date) -> Iterator[Change]:
    for before in base.released.versions:
        after = now.released.find(before.client, before.version)
        if after is None:
            if before.released:
                yield Change(f"{before} has lost its entry: `retired = DATE` says that it is gone", True)
            else:
                yield Change(f"{before}, which was in development, is given up")
        elif before.released and after.released is None:
            yield Change(f"{before} was released {before.released}, and is to be in development again", True)
        elif after.state(today) != before.state(today):
            yield Change(f"{before}: {before.state(today)} → {after.state(today)}")
    for after in now.released.versions:
        if base.released.find(after.client, after.version) is None:
            yield Change(f"{after} is new: {after.state(today)}")


def _file_changes(base: Contracts, now: Contracts, today: date) -> Iterator[Change]:
    for before in base.pacts:
        entry = base.released.find(before.client, before.version)
        is_released = entry.released is not None if entry else True
        after = now.find(before.client, before.version)
        if after is not None and after.source == before.source:
            continue
        what = "is removed" if after is None else "is changed"
        text = f"the contract of {before.client} {before.version} {what}"
        current = now.released.find(before.client, before.version)
        if not is_released or (current is not None and current.is_retired(today)):
            yield Change(text)
        else:
            yield Change(f"{text}, and the version is in the field: restore the file", True)
