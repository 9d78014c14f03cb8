"""The optional dependencies, such as the extras `sql` and `valkey`.

Stability: internal.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from frontispiece.errors import UserError


class MissingExtra(UserError, ImportError):
    """A feature needs an extra that is not installed; the message names it."""


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Imports that need this extra.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        raise MissingExtra(_message(str(missing.name), name)) from missing


def check_extra(name: str, module: str) -> None:
    """Check that an extra is installed, by one of its modules, without importing it.

    Raises:
        ValueError: it is not; the message names it.
    """
    if find_spec(module) is None:
        raise ValueError(_message(module, name))


def _message(module: str, name: str) -> str:
    return f"{module} is not installed: install Frontispiece with the extra {name}"
