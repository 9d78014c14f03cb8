"""How pytest-xdist shares tests out: each file is one worker's, and the end-to-end tests are, too."""

from typing import Final

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

ONE_WORKERS: Final = "tests/e2e/"
"""Each worker that had one of these would start a shop of its own, in both layouts."""


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """`--dist loadfile`, with one folder as if it were one file."""

    def _split_scope(self, nodeid: str) -> str:
        return ONE_WORKERS if nodeid.startswith(ONE_WORKERS) else str(super()._split_scope(nodeid))
