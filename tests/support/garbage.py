"""Garbage collections in tests, which traverse no more than a test's own objects."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def frozen_gc() -> Iterator[None]:
    """Exempt all older objects from collections: in the process of a whole run, one would take a second."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
