"""The changes of a project's code, found by looking at its files again and again.

Polled, not watched: watching needs a thread, and a process of several threads cannot be forked. Two thousand
files take some milliseconds.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

POLL_INTERVAL: Final = 0.2
"""Seconds between two looks."""

CODE: Final = frozenset(
    {".py", ".js", ".mjs", ".cjs", ".ts", ".go", ".rb", ".php", ".java", ".cs", ".rs", ".ex"}
)
"""The suffixes of files that are watched besides frontispiece.toml."""

IGNORED: Final = frozenset({"node_modules", "__pycache__"})

Signature = tuple[int, int, int]


class Changes:
    """Which files of a project have changed since this was last asked.

    Args:
        folder: the project's.
        others: files in it that are watched although they are no code.
        data: the data folder, which is left out.
    """

    def __init__(self, folder: Path, others: frozenset[Path], data: Path) -> None:
        self._folder = folder
        self._others = others
        self._data = data.resolve()
        self._known = dict(self._look())
        self._seen = self._known

    def wait(self, pause: Callable[[float], None]) -> set[Path]:
        """The files that have changed, once a look has found them as the look before: half a file is none.

        Args:
            pause: called with the seconds between two looks, until there is something.
        """
        while True:
            pause(POLL_INTERVAL)
            now = dict(self._look())
            if now == self._seen and now != self._known:
                before, self._known = self._known, now
                return {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
            self._seen = now

    def _look(self) -> Iterator[tuple[Path, Signature]]:
        for path in (*self._others, *_code(self._folder, self._data)):
            if (found := signature(path)) is not None:
                yield path, found


def signature(path: Path) -> Signature | None:
    """Differs between two versions of a file; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _code(folder: Path, data: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        if "pyvenv.cfg" in names or Path(place) == data:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".") and name not in IGNORED]
        for name in names:
            if os.path.splitext(name)[1] in CODE:  # noqa: PTH122 (ten times as fast)
                yield Path(place, name)
