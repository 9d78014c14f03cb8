"""The `front` command: runs and inspects a project that frontispiece.toml describes.

Stability: internal.
"""

import gc
import os
import signal
from typing import Final

INTERRUPTED: Final = 130
"""The status of a command that SIGINT has ended, as shells have it."""


GC_THRESHOLDS: Final = (20_000, 20, 50)
"""Objects allocated before a collection, and collections before one of an older generation.

What is imported stays, and requests leave no reference cycles: there is little to collect at any time.
"""


def front() -> None:
    """Import and run the command line; SIGINT during the import ends it without a word."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    gc.set_threshold(*GC_THRESHOLDS)
    from frontispiece.cli.main import main  # noqa: PLC0415 (after the signal)

    main()
