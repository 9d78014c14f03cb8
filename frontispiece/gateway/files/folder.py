"""The files of a folder, read once: bounded in number and size, and never from outside of it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAX_FILES: Final = 2000

MAX_BYTES: Final = 32 * 1024 * 1024
"""Of all files of a folder together: they are held in memory, with what they are compressed to."""


class FaultyFiles(Exception):
    """Files that cannot be served."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


Signature = frozenset[tuple[str, int, int]]
"""The path, time and size of each file: differs once one was changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """The folder of a route's files.

    Args:
        folder: the folder.
        include: the files and folders in it that are served; all when None.
    """

    folder: Path
    include: tuple[str, ...] | None

    def signature(self) -> Signature:
        """What differs once a file was changed, which is cheaper than to read them."""
        found = set()
        for path in self._files():
            with suppress(OSError):  # removed meanwhile
                status = path.stat()
                found.add((str(path), status.st_mtime_ns, status.st_size))
        return frozenset(found)

    def read(self) -> dict[str, bytes]:
        """The content of each file, by its path in the folder.

        Files and folders whose names begin with a dot are left out, and so are links, unless what they lead
        to is in the folder, has no such name in its path, and is included itself.

        Raises:
            FaultyFiles: the folder or an included one is missing, cannot be read, or is too large.
        """
        folder, include = self.folder, self.include
        if not folder.is_dir():
            raise FaultyFiles(f"there is no folder {folder}")
        faults = [_fault(path, folder) for path in self._chosen if not _is_allowed(path, folder, include)]
        if faults:
            raise FaultyFiles(*faults)
        contents: dict[str, bytes] = {}
        size = 0
        for path in self._files():
            if not _is_allowed(path, folder, include):
                continue
            try:
                contents[_name(path, folder)] = content = path.read_bytes()
            except OSError as fault:
                raise FaultyFiles(f"{path} cannot be read: {fault.strerror}") from None
            size += len(content)
            if len(contents) > MAX_FILES or size > MAX_BYTES:
                limits = f"{MAX_FILES} files and {MAX_BYTES // 1024 // 1024} MiB"
                raise FaultyFiles(f"{folder} has more than {limits}: include names those that are served")
        return contents

    @property
    def _chosen(self) -> list[Path]:
        return [self.folder] if self.include is None else [self.folder / name for name in self.include]

    def _files(self) -> Iterator[Path]:
        return (file for top in self._chosen for file in _files(top))


def _files(top: Path) -> Iterator[Path]:
    """The files below a path, or the file that it is, in order."""
    if top.is_file():
        yield top
        return
    for place, folders, names in os.walk(top):  # which follows no links to folders
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(place, name)
            if not name.startswith(".") and file.is_file():
                yield file


def _name(path: Path, folder: Path) -> str:
    name = path.relative_to(folder).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        raise FaultyFiles(f"the name of the file {name!a} is not UTF-8") from None
    return name


def _is_allowed(path: Path, folder: Path, include: Sequence[str] | None) -> bool:
    """Whether there is something at this path, and it may be served where all links lead."""
    if not _is_within(path, folder):
        return False
    inner = path.resolve().relative_to(folder.resolve())
    if any(part.startswith(".") for part in inner.parts):
        return False
    return include is None or any(inner.is_relative_to(name) for name in include)


def _is_within(path: Path, folder: Path) -> bool:
    return path.exists() and path.resolve().is_relative_to(folder.resolve())


def _fault(path: Path, folder: Path) -> str:
    name = path.relative_to(folder)
    if _is_within(path, folder):
        return f"include: {name} is a link to what is hidden or not included"
    return f"include: there is no {name} in {folder}"
