"""The changes of a project's code, found by polling its files.

Polled, not watched: watching needs a thread, and a process of several threads cannot be forked. Two thousand
files take some milliseconds.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

POLL_INTERVAL: Final = 0.2
"""Seconds between two polls."""

SHARE: Final = 0.2
"""The largest share of a core that polling takes: after a slow poll the next one comes later."""

CODE: Final = frozenset(
    {".py", ".js", ".mjs", ".cjs", ".ts", ".go", ".rb", ".php", ".java", ".cs", ".rs", ".ex"}
)
"""The suffixes of files that programs are made of."""

SETTINGS: Final = frozenset({".toml", ".json", ".yaml", ".yml"})
"""The suffixes of further files by which a start may fail: the route table, descriptions of services, …."""

WATCHED: Final = CODE | SETTINGS

IGNORED: Final = frozenset({"node_modules", "__pycache__"})

Signature = tuple[int, int, int]


class Changes:
    """Which files of code and settings of a project have changed since this was last asked.

    Args:
        others: files that are watched wherever they are and whatever they are called.
        data: the data folder, which is left out.
    """

    def __init__(self, folder: Path, others: frozenset[Path], data: Path) -> None:
        self._folder = folder
        self._others = others
        self._data = data.resolve()
        self._known = dict(self._look())
        self._seen = self._known

    def wait(self, pause: Callable[[float], None]) -> set[Path]:
        """The files that have changed, once two polls have found the same: a file may be half written.

        Args:
            pause: called with the seconds between two polls, until there is something.
        """
        took = 0.0
        while True:
            pause(max(POLL_INTERVAL, took / SHARE))
            begun = time.monotonic()
            now = dict(self._look())
            took = time.monotonic() - begun
            if now == self._seen and now != self._known:
                before, self._known = self._known, now
                return {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
            self._seen = now

    def _look(self) -> Iterator[tuple[Path, Signature]]:
        for path in (*self._others, *_files(self._folder, self._data)):
            if (found := signature(path)) is not None:
                yield path, found


def signature(path: Path) -> Signature | None:
    """Differs between two versions of a file; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _files(folder: Path, data: Path, *, linked: bool = False) -> Iterator[Path]:
    """The files below a folder; `linked` when a link led there: links within may go round."""
    for place, folders, names in os.walk(folder):
        if "pyvenv.cfg" in names or Path(place) == data:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".") and name not in IGNORED]
        for name in names:
            if os.path.splitext(name)[1] in WATCHED:  # noqa: PTH122 (ten times as fast)
                yield Path(place, name)
        for link in () if linked else [Path(place, name) for name in folders]:
            if not link.is_symlink():
                continue
            target = link.resolve()
            if target != data and not Path(place).resolve().is_relative_to(target):
                yield from _files(link, data, linked=True)
