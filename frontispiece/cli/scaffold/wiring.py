"""Adding a page to the module of a BFF: its import, and its place in `pages` of `bff(…)`."""

import ast
from typing import Final


class NotWired(Exception):
    """The module is not of the form that is expected: nothing has been changed."""


def with_page(source: str, package: str, module: str) -> str:
    """The source of a BFF's app with one page more.

    Args:
        source: has `from PACKAGE.pages import …` and `create_app = bff(…, pages=[…], …)`.
        package: of the pages' modules.
        module: the page's module, whose page is `module.page`.

    Raises:
        NotWired: one of these is not there.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise NotWired(f"The BFF's app.py is no Python: {error}.") from None
    imported = next(
        (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == package),
        None,
    )
    pages = next((listed for node in ast.walk(tree) if (listed := _pages(node)) is not None), None)
    if imported is None or pages is None:
        raise NotWired(f"The BFF's app.py has no `from {package} import …` and `bff(…, pages=[…])`.")
    edits = [_imported(source, imported, module), _listed(source, pages, f"{module}.page")]
    for (start, end), text in sorted(edits, reverse=True):
        source = source[:start] + text + source[end:]
    return source


MAX_LENGTH: Final = 110
"""Of a line; what is longer has a name a line."""

Edit = tuple[tuple[int, int], str]
"""From where to where in the source, and the text there instead."""


def _imported(source: str, node: ast.ImportFrom, name: str) -> Edit:
    start, end = _span(source, node)
    names = [
        alias.name if alias.asname is None else f"{alias.name} as {alias.asname}" for alias in node.names
    ]
    if "\n" in source[start:end]:
        return _line_added(source, node.names[-1], end - 1, name)
    every = sorted({*names, name})
    line = f"from {node.module} import {', '.join(every)}"
    if len(line) <= MAX_LENGTH:
        return (start, end), line
    lines = "".join(f"    {each},\n" for each in every)
    return (start, end), f"from {node.module} import (\n{lines})"


def _listed(source: str, node: ast.List, item: str) -> Edit:
    start, end = _span(source, node)
    if node.elts and "\n" in source[start:end]:
        return _line_added(source, node.elts[-1], end - 1, item)
    items = [*(ast.unparse(each) for each in node.elts), item]
    begin = source.rfind("\n", 0, start) + 1
    after = source[end:].partition("\n")[0]
    line = f"[{', '.join(items)}]"
    if start - begin + len(line) + len(after) <= MAX_LENGTH:
        return (start, end), line
    indent = " " * (len(source[begin:]) - len(source[begin:].lstrip(" ")))
    lines = "".join(f"{indent}    {each},\n" for each in items)
    return (start, end), f"[\n{lines}{indent}]"


def _line_added(source: str, last: ast.expr | ast.alias, closing: int, text: str) -> Edit:
    """A line after the last one of a list with an item a line; comments stay where they are."""
    _, end = _span(source, last)
    comma = "" if source[end:closing].lstrip().startswith(",") else ","
    begin = source.rfind("\n", 0, end) + 1
    indent = source[begin : begin + len(source[begin:]) - len(source[begin:].lstrip(" "))]
    closing_line = source.rfind("\n", end, closing) + 1 or closing
    return (end, closing_line), f"{comma}{source[end:closing_line].rstrip()}\n{indent}{text},\n"


def _pages(node: ast.AST) -> ast.List | None:
    """The list of pages, if the node is `bff(…, pages=[…])`."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "bff"):
        return None
    return next(
        (each.value for each in node.keywords if each.arg == "pages" and isinstance(each.value, ast.List)),
        None,
    )


def _span(source: str, node: ast.stmt | ast.expr | ast.alias) -> tuple[int, int]:
    """Where a node begins and ends in the source."""
    lines = [f"{line}\n" for line in source.split("\n")]

    def place(line: int, column: int) -> int:
        before = lines[line - 1].encode()[:column].decode()
        return sum(map(len, lines[: line - 1])) + len(before)

    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset)
