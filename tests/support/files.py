"""Files that a program has made."""

from pathlib import Path


def modes(folder: Path) -> dict[str, int]:
    """The permissions of all files in a folder and below, by name."""
    return {path.name: path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}
