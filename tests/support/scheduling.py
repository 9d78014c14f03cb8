"""How pytest-xdist shares tests out: each file is one worker's, and so are some folders."""

from typing import Final

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

ONE_WORKERS: Final = ("tests/e2e/", "tests/browser/")
"""Each worker that had a file of one of these folders would start a shop of its own."""


FUZZED: Final = "tests/contracts/test_schemathesis.py"
"""Its tests are named by an app, a space and an operation: each app is as a file of its own."""


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """`--dist loadfile`, with some folders as if each were one file."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(FUZZED):
            return nodeid.partition(" ")[0]
        one = next((folder for folder in ONE_WORKERS if nodeid.startswith(folder)), None)
        return one or str(super()._split_scope(nodeid))
