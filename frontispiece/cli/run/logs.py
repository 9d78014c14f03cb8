"""What a program of a project prints on the developer's terminal."""

import logging


def log_warnings(name: str = "%(name)s") -> None:
    """Write warnings to stderr; the console gets what is below, too.

    Args:
        name: of what logs, by its logger when left out.
    """
    stderr = logging.StreamHandler()
    stderr.setLevel(logging.WARNING)
    logging.basicConfig(level=logging.INFO, format=f"%(levelname)s {name}: %(message)s", handlers=[stderr])
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its line for each call has paths, maybe private
