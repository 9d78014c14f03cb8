"""Lists that must not be empty."""

from pydantic import BeforeValidator


def _some(listed: object) -> object:
    if listed == []:  # asked before its items are looked at: a single faulty item is one fault, not two
        raise ValueError("there is at least one, or leave it out")
    return listed


SOME = BeforeValidator(_some)
"""Marks a list of which at least one item is asked for."""
