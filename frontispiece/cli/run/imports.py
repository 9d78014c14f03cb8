"""The modules of a project that a program imports, found by reading them: nothing is run."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from frontispiece.cli.run.changes import Signature, signature

NO_PYTHON: Final = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What the compiler raises for a text that it cannot take."""


class Imports:
    """Reads imports of Python files, and remembers those of files that have not changed.

    Args:
        folder: the project's; what lies outside is left out.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[Signature | None, list[Path]]] = {}

    def of(self, roots: Iterable[Path]) -> set[Path]:
        """These files and all that they import, one through the other, anywhere in a function, too."""
        found: set[Path] = set()
        waiting = list(roots)
        while waiting:
            file = waiting.pop()
            if file not in found:
                found.add(file)
                waiting += self._imported(file)
        return found

    def module(self, name: str, *folders: Path) -> list[Path]:
        """The files of a module and of the packages that it is in; none when it is not the project's."""
        names = name.split(".")
        if not all(part.isidentifier() for part in names):  # a command's argument may be anything
            return []
        return [file for folder in (self._folder, *folders) for file in _files(folder, names)]

    def _imported(self, file: Path) -> list[Path]:
        now = signature(file)
        known = self._read.get(file)
        if known is None or known[0] != now:
            try:
                tree = ast.parse(file.read_bytes())
            except (OSError, *NO_PYTHON):  # reported by whoever imports it
                known = now, known[1] if known else []
            else:
                known = now, [each for found in self._named(file, tree) for each in found]
            self._read[file] = known
        return known[1]

    def _named(self, file: Path, tree: ast.Module) -> Iterator[list[Path]]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield self.module(alias.name, file.parent)
            elif isinstance(node, ast.ImportFrom):
                within = node.module.split(".") if node.module else []
                for alias in node.names:
                    names = [*within, alias.name]
                    if node.level:
                        yield list(_files(file.parents[node.level - 1], names))
                    else:
                        yield self.module(".".join(names), file.parent)


def _files(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """The files that an import of a dotted name runs below a folder: packages and the module."""
    for name in names:
        folder /= name
        module = folder.with_name(f"{name}.py")
        if (package := folder / "__init__.py").is_file():
            yield package
        elif module.is_file():
            yield module
            return
        elif not folder.is_dir():
            return
