"""The `front` command: runs and inspects a project that frontispiece.toml describes.

Stability: internal.
"""

import os
import signal
from typing import Final

INTERRUPTED: Final = 130
"""The status of a command that SIGINT has ended, as shells have it."""


def front() -> None:
    """Import and run the command line; SIGINT during the import ends it without a word."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    from frontispiece.cli.main import main  # noqa: PLC0415 (after the signal)

    main()
