"""`python -m frontispiece.cli`, the same as `front`."""

from frontispiece.cli.main import main

main()
