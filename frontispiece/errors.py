"""The error of everything that is checked whole at start, and the hint at the name that was meant.

Stability: stable.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

__all__ = ["ConfigError", "nearest"]


class ConfigError(Exception):
    """A configuration that cannot work, with all that is wrong with it.

    Args:
        errors: one message for each mistake, with its place.
    """

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = list(errors)


def nearest(name: str, valid: Iterable[str], prefix: str = "") -> str:
    """The end of a message about an unknown name: the nearest valid one, if any is near.

    Args:
        name: the unknown one.
        valid: the known ones.
        prefix: that all begin with; it brings none nearer to another.
    """
    name, names = name.removeprefix(prefix), sorted(known.removeprefix(prefix) for known in valid)
    found = get_close_matches(name, names, 1) or [known for known in names if name in known.split("_")]
    return f": did you mean {' or '.join(repr(prefix + known) for known in found)}?" if found else ""
