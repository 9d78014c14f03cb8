"""No file of the platform imports itself, however many files lie between."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PLATFORM = Path(__file__).parents[1] / "frontispiece"


def modules() -> dict[str, Path]:
    """Every module of the platform by its full name."""
    names = {}
    for file in PLATFORM.rglob("*.py"):
        parts = file.relative_to(PLATFORM.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return names


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """All that is executed when a module is imported: not within functions, nor for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.stmt):
            yield child
        yield from statements(child)


def imports(name: str, known: dict[str, Path]) -> set[str]:
    """The modules of the platform that one of them imports."""
    found = set()
    for statement in statements(ast.parse(known[name].read_text())):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            submodules = {f"{statement.module}.{alias.name}" for alias in statement.names}
            found |= submodules & known.keys() or {statement.module}
    return (found & known.keys()) - {name}


def test_no_circle_of_imports_goes_through_the_platform() -> None:
    known = modules()
    graph = {name: imports(name, known) for name in known}
    assert sum(map(len, graph.values())) > len(known), "imports are found"

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        raise AssertionError(" → ".join(circle.args[1])) from None
