"""The static imports of JavaScript modules."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Final

_IMPORT: Final = re.compile(
    r"""(?:^|;)[ \t]*(?:import|export)\b(?:[^"'`;()=]*?\bfrom)?[ \t]*(?:"([^"\n]+)"|'([^'\n]+)')""",
    re.MULTILINE,
)
"""An import or a re-export at the begin of a line or a statement; comments and calls of import() are none."""


_AFTER_PATH: Final = re.compile("[?#]")
"""What begins the query or the fragment of a reference."""


def resolved(reference: str, place: str) -> str:
    """The path in the folder that a relative reference in the file at `place` leads to."""
    path = _AFTER_PATH.split(reference, maxsplit=1)[0]
    return posixpath.normpath(posixpath.join(posixpath.dirname(place), path))


def imports_of(module: str, text: str) -> Iterator[str]:
    """The paths in the folder that a module imports by relative references."""
    for match in _IMPORT.finditer(text):
        specifier = match[1] or match[2]
        if specifier.startswith(("./", "../")):
            yield resolved(specifier, module)


def import_graph(entry: str, contents: Mapping[str, bytes]) -> tuple[list[str], list[str]]:
    """All modules that an entry needs before it runs, and what is wrong with their imports.

    Returns:
        the modules in the order in which they are found, the entry first; and a sentence for each import
        that leads nowhere.
    """
    found, faults = [entry], []
    for module in found:  # grows meanwhile
        for imported in imports_of(module, contents[module].decode("utf-8", "replace")):
            if imported not in contents:
                faults.append(f"{module} imports {imported}, which is not among the files")
            elif imported not in found:
                found.append(imported)
    return found, faults
