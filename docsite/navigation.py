"""The order of the pages: four kinds, as https://diataxis.fr has them."""

from collections.abc import Iterable
from typing import Any, Final

EDGE: Final = "edge/"
DECISIONS: Final = "decisions/"
REFERENCE: Final = "reference/"

HOW_TO: Final = (
    "project.md",
    "aggregates.md",
    "internal-tokens.md",
    "testing.md",
    "contracts.md",
    "graphql.md",
    "agents.md",
    "new-client.md",
    "console.md",
    "deploy.md",
    "discovery.md",
)
EXPLANATION: Final = (
    "why.md",
    "architecture.md",
    "identity.md",
    "events.md",
    "checkout.md",
    "payment.md",
    "clients.md",
    "mobile.md",
    "sync.md",
    "data.md",
    "shards.md",
    "scale.md",
    "pickup.md",
    "operator.md",
    "stability.md",
)
REFERENCE_PAGES: Final = (
    "reference/routes.md",
    "reference/project-file.md",
    "reference/settings.md",
    "reference/cli.md",
    "problems.md",
    "metrics.md",
)


def navigation(pages: Iterable[str]) -> list[Any]:
    """The navigation over these pages; one of docs/ that is named nowhere here is a how-to page."""
    found = sorted(page for page in pages if page.endswith(".md") and not page.startswith("source/"))
    python = [page for page in found if page.startswith("reference/python/")]
    edge = [page for page in found if page.startswith(EDGE)]
    decisions = [page for page in found if page.startswith(DECISIONS)]
    named = {
        "index.md",
        "tutorial.md",
        "shop.md",
        "contributing.md",
        "changelog.md",
        *HOW_TO,
        *EXPLANATION,
        *REFERENCE_PAGES,
        *python,
        *edge,
        *decisions,
    }
    return [
        {"Home": "index.md"},
        {"Tutorial": "tutorial.md"},
        {
            "How-to guides": [
                *HOW_TO,
                *(page for page in found if page not in named),
                {"Policies of the edge": list(edge)},
                {"Contributing": "contributing.md"},
            ]
        },
        {"Reference": [*REFERENCE_PAGES, {"Python API": list(python)}]},
        {
            "Explanation": [
                {"The shop, and its measurements": "shop.md"},
                *EXPLANATION,
                {"Decisions": list(decisions)},
                {"Changelog": "changelog.md"},
            ]
        },
    ]
