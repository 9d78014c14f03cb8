"""The environment variables that set up each role of the shop, read off its settings."""

from frontispiece.cli.inspect.settings import Variable, variables_of
from tests.support.shop import PROJECT

ROLES = PROJECT.factories
"""The factories of the shop's apps, by name."""

IN_REGISTRY = '[environment]\nREGISTRY_URL = "${nats}"\n\n[gateway.environment]\nREGISTRY_URL = "${nats}"\n'
"""Sections of a project whose apps are in the registry."""


def variables(role: str) -> dict[str, Variable]:
    """The variables of a role, by name."""
    return {variable.name: variable for variable in variables_of(ROLES[role])}
