"""Adding a page to the module of a BFF: its import, and its place in `pages` of `bff(…)`."""

import ast


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
    tree = ast.parse(source)
    imported = next(
        (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == package),
        None,
    )
    pages = next((listed for node in ast.walk(tree) if (listed := _pages(node)) is not None), None)
    if imported is None or pages is None:
        raise NotWired(f"The BFF's app.py has no `from {package} import …` and `bff(…, pages=[…])`.")
    names = ", ".join(sorted({*(alias.name for alias in imported.names), module}))
    items = [ast.unparse(item) for item in pages.elts]
    edits = {
        _span(source, imported): f"from {package} import {names}",
        _span(source, pages): f"[{', '.join([*items, f'{module}.page'])}]",
    }
    for (start, end), text in sorted(edits.items(), reverse=True):
        source = source[:start] + text + source[end:]
    return source


def _pages(node: ast.AST) -> ast.List | None:
    """The list of pages, if the node is `bff(…, pages=[…])`."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "bff"):
        return None
    return next(
        (each.value for each in node.keywords if each.arg == "pages" and isinstance(each.value, ast.List)),
        None,
    )


def _span(source: str, node: ast.stmt | ast.expr) -> tuple[int, int]:
    """Where a node begins and ends in the source."""
    lines = source.splitlines(keepends=True)

    def place(line: int, column: int) -> int:
        before = lines[line - 1].encode()[:column].decode()
        return sum(map(len, lines[: line - 1])) + len(before)

    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset)
