"""`front contracts diff`: what changes of the apps' OpenAPI documents break, and for whom."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from frontispiece.cli.terminal import Folder, fail, new_table, open_project, out, print_done, print_table

if TYPE_CHECKING:
    from frontispiece.contracts.openapi import Finding

COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}


def diff(
    revision: Annotated[str, typer.Argument(metavar="REV", help="What to compare with: a revision of git.")],
    project: Folder = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Show what breaks nobody, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every change as JSON.")] = False,
) -> None:
    """Compare openapi/*.json with a revision; exit with 1 when a change breaks what is read.

    A break that no version in the field reads is a warning. What cannot be read or compared is an error.
    """
    from frontispiece.cli.inspect.contracts import Opened  # noqa: PLC0415 (other commands start faster without)
    from frontispiece.contracts import Revision  # noqa: PLC0415
    from frontispiece.contracts.openapi import diff as compare  # noqa: PLC0415

    tree = Opened.of(open_project(project)).tree
    found = compare(Revision(tree.folder, revision), tree, datetime.now(UTC).date())
    severities = Counter(str(each.severity) for each in found)
    if as_json:
        out.print_json(json.dumps([each.document() for each in found]))
    else:
        _show([each for each in found if everything or each.severity != "info"])
    counted = ", ".join(f"{words}: {severities[name]}" for name, words in _WORDS.items())
    if severities["error"]:
        fail(f"Since {revision}, something breaks that is read ({counted}).")
    if not as_json:
        print_done(f"Since {revision}, nothing breaks that is read ({counted}).")


_WORDS = {"error": "errors", "warning": "warnings", "info": "compatible"}


def _show(findings: "Sequence[Finding]") -> None:
    if not findings:
        return
    table = new_table("", "app", "operation", "where", "change", "why", "read by")
    for finding in findings:
        table.add_row(*_row(finding))
    print_table(table)


def _row(finding: "Finding") -> Iterator[str]:
    change = finding.change
    yield f"[{COLOURS[finding.severity]}]{finding.severity}[/]"
    yield finding.app
    yield change.operation
    yield escape(" ".join(filter(None, (change.part, change.place, change.pointer))))
    yield escape(f"{change.kind}: {change.detail}" if change.detail else change.kind)
    yield escape(change.reason)
    is_unread = change.verdict == "break" and not finding.readers
    yield "nobody in the field" if is_unread else escape("\n".join(finding.readers))
