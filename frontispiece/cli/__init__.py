"""The `front` command: runs and inspects a project that frontispiece.toml describes.

Stability: internal.
"""

import gc
import os
import signal
from typing import Final

INTERRUPTED: Final = 130
"""The status of a command that SIGINT has ended, as shells have it."""


GC_THRESHOLD: Final = 1_000_000
"""Objects allocated before a garbage collection, until `freeze_gc`: more than a start, whose objects stay."""


def front() -> None:
    """Import and run the command line; SIGINT during the import ends it without a word."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    gc.set_threshold(GC_THRESHOLD)
    from frontispiece.cli.main import main  # noqa: PLC0415 (after the signal)

    main()
