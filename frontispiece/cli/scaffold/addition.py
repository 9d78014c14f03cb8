"""Files that are added to a project: all of them, or none."""

import keyword
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import invalidate_caches
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Final

from rich.markup import escape

from frontispiece.cli.project import Project
from frontispiece.cli.terminal import data_folder, print_faults
from frontispiece.errors import ConfigError, UserError
from frontispiece.server import GATEWAY
from frontispiece.terminal import out

NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class FaultyProject(UserError):
    """Nothing was added: the project has errors, or would have them."""

    def __init__(self, what: str, errors: Iterable[str]) -> None:
        super().__init__("\n".join([f"Nothing was added, for the project {what}:", *errors]))


class Addition:
    """New and changed files of a project: collected first, and written when all of them can be."""

    def __init__(self, project: Project, values: Mapping[str, str]) -> None:
        self._project = project
        self._values = values
        self._new: dict[Path, str] = {}
        self._changed: dict[Path, str] = {}

    def create(self, path: str, template: str) -> None:
        """A new file in the project.

        Raises:
            UserError: there is one already.
        """
        file = self._project.folder / path
        if os.path.lexists(file):  # a link that leads nowhere, too
            raise UserError(f"{file} exists already.")
        self._new[file] = self._filled(template)

    def append(self, file: Path, template: str) -> None:
        """Text at the end of a file."""
        self.change(file, f"{self.text(file).rstrip()}\n\n{self._filled(template)}")

    def change(self, file: Path, text: str) -> None:
        """A file's new text."""
        self._changed[file] = text

    def text(self, file: Path) -> str:
        """The text of a file, with what has been added to it.

        Raises:
            UserError: it cannot be read, or is no text.
        """
        try:
            return self._changed.get(file) or file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise UserError(f"{file} is no UTF-8: save it as UTF-8.") from None
        except OSError as error:
            raise UserError(str(error)) from None

    def write(self) -> None:
        """Write all of it, check the project, and say what was written.

        Raises:
            UserError: a file cannot be written, or the project has errors then; all is as it was, but for
                what the message names.
        """
        before: dict[Path, bytes | None] = {}
        try:
            self._write_all(before)
        except BaseException as error:
            left = [*_restored(before)]
            if left and isinstance(error, UserError):
                raise UserError("\n".join([str(error), *left])) from error
            print_faults(left)
            if isinstance(error, FaultyProject) and (old := _errors(self._project)):
                raise FaultyProject("has errors already", old) from None
            raise
        for file in (*self._new, *self._changed):
            verb = "written" if file in self._new else "changed"
            out.print(f"  {verb}  {escape(str(file))}", highlight=False)

    def _write_all(self, before: dict[Path, bytes | None]) -> None:
        for file, text in {**self._new, **self._changed}.items():
            try:
                _write(file, text, before)
            except OSError as error:
                raise UserError(f"Nothing was added: {error.filename or file}: {error.strerror}.") from None
        if errors := _errors(self._project):
            raise FaultyProject("would have errors", errors)

    def _filled(self, template: str) -> str:
        text = (files(__package__) / "templates" / template).read_text(encoding="utf-8")
        return Template(text).substitute(self._values)


def values(name: str, *, is_module: bool = True, **more: str) -> dict[str, str]:
    """The values of placeholders for a name.

    Raises:
        UserError: it cannot be a name.
    """
    module = name.replace("-", "_")
    if NAME.fullmatch(name) is None:
        raise UserError(f"{name!r} is no name: write small letters, and hyphens between words.")
    if keyword.iskeyword(module) or name == GATEWAY or (is_module and find_spec(module) is not None):
        raise UserError(f"{name!r} has another meaning in Python or in the project: choose another name.")
    words = "".join(word.capitalize() for word in name.split("-"))
    own = {"name": name, "path": name, "module": module, "module_id": f"{module}_id", "class_name": words}
    return own | more


def _write(file: Path, text: str, before: dict[Path, bytes | None]) -> None:
    """Write a file with the ends of lines that it has; `before` gets what was there, None for nothing."""
    before |= dict.fromkeys(reversed([folder for folder in file.parents if not folder.exists()]))
    file.parent.mkdir(parents=True, exist_ok=True)
    content = before[file] = file.read_bytes() if file.exists() else None
    file.write_text(text, encoding="utf-8", newline="\r\n" if content and b"\r\n" in content else "\n")


def _restored(before: dict[Path, bytes | None]) -> Iterator[str]:
    """Bring files and folders back, the last one first; gives which could not be."""
    for path, content in reversed(before.items()):
        try:
            if content is not None:
                path.write_bytes(content)
            elif path.is_dir():
                path.rmdir()
            elif os.path.lexists(path):  # it may be what could not be written
                path.unlink()
        except OSError as error:
            yield f"{path} is not as it was, and could not be brought back: {error.strerror}."


def _errors(project: Project) -> list[str]:
    """The errors that `front check` finds in the project as it is written now."""
    from frontispiece.cli.inspect.check import find_errors  # noqa: PLC0415 (it imports all of the gateway)
    from frontispiece.cli.run.launcher import is_own  # noqa: PLC0415 (the same)

    for name in [name for name in sys.modules if is_own(name, project.folder)]:  # as they were before
        del sys.modules[name]
    invalidate_caches()
    try:
        written = Project.load(project.folder)
    except ConfigError as error:
        return error.errors
    return find_errors(written, data_folder(written, None), written.routes)
