"""The times of pages: contracts and most tests are about what BFFs say, and not how fast."""

from dataclasses import replace

import pytest

from bff.mobile.app import create_app as create_mobile
from bff.web.app import create_app as create_web
from frontispiece.graphql import Graph

EVERY_PAGE = [*create_web.pages, *create_mobile.pages]
GRAPHS = [api for api in create_web.apis if isinstance(api, Graph)]


def extend(patch: pytest.MonkeyPatch, enforced: frozenset[str] = frozenset()) -> None:
    """Give pages all the time they need, so that a slow machine degrades none.

    Args:
        patch: undoes it.
        enforced: which times pages keep, of `deadline` and `timeout`.
    """
    for page in EVERY_PAGE:
        if "timeout" not in enforced:
            patch.setattr(page, "sources", [replace(source, timeout=None) for source in page.sources])
        if "deadline" not in enforced:
            patch.setattr(page, "deadline", 60.0)
    for graph in GRAPHS:
        fields = [replace(field, source=replace(field.source, timeout=None)) for field in graph.fields]
        patch.setattr(graph, "fields", fields)
        patch.setattr(graph, "deadline", 60.0)
