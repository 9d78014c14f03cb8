"""`python -m frontispiece.cli`, the same as `front`."""

from frontispiece.cli import front

front()
