"""`python -m front`, the same as `front`."""

from front.cli import main

main()
