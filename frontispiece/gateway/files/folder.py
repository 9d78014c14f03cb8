"""The files of a folder, read once: bounded in number and size, and never from outside of it."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

MAX_FILES: Final = 2000

MAX_BYTES: Final = 32 * 1024 * 1024
"""Of all files of a folder together: they are held in memory, with what they are compressed to."""


class FaultyFiles(Exception):
    """Files that cannot be served.

    Args:
        faults: what is wrong, one sentence each.
    """

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def read_folder(folder: Path, include: Sequence[str] | None) -> dict[str, bytes]:
    """The content of each file, by its path in the folder.

    Files and folders whose names begin with a dot are left out, and so are links that lead out of the folder.

    Args:
        folder: the folder.
        include: the files and folders in it that are read; all when None.

    Raises:
        FaultyFiles: the folder or one of these is missing, cannot be read, or is too large.
    """
    if not folder.is_dir():
        raise FaultyFiles(f"there is no folder {folder}")
    chosen = [folder] if include is None else [folder / name for name in include]
    if missing := [path for path in chosen if not _is_within(path, folder)]:
        raise FaultyFiles(
            *(f"include: there is no {path.relative_to(folder)} in {folder}" for path in missing)
        )
    contents: dict[str, bytes] = {}
    size = 0
    for path in (file for top in chosen for file in _files(top, folder)):
        try:
            contents[path.relative_to(folder).as_posix()] = content = path.read_bytes()
        except OSError as fault:
            raise FaultyFiles(f"{path} cannot be read: {fault.strerror}") from None
        size += len(content)
        if len(contents) > MAX_FILES or size > MAX_BYTES:
            limits = f"{MAX_FILES} files and {MAX_BYTES // 1024 // 1024} MiB"
            raise FaultyFiles(f"{folder} has more than {limits}: include names those that are served")
    return contents


def _files(top: Path, folder: Path) -> Iterator[Path]:
    """The files below a path, or the file that it is, in order."""
    if top.is_file():
        yield top
        return
    for place, folders, names in os.walk(top):  # which follows no links to folders
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(place, name)
            if not name.startswith(".") and file.is_file() and _is_within(file, folder):
                yield file


def _is_within(path: Path, folder: Path) -> bool:
    """Whether there is something at this path, and it is in the folder once all links are followed."""
    return path.exists() and path.resolve().is_relative_to(folder.resolve())
