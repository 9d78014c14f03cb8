"""Adding a page to the module of a BFF: its import, and its place in `pages` of `bff(…)`."""

import ast
import re

from frontispiece.errors import UserError


def with_page(source: str, package: str, module: str) -> str:
    """The source of a BFF's app with one page more.

    Args:
        source: has `from PACKAGE.pages import …` and `create_app = bff(…, pages=[…], …)`.
        package: of the pages' modules.
        module: the page's module, whose page is `module.page`.

    Raises:
        UserError: one of these is not there.
    """
    try:
        nodes = [*ast.walk(ast.parse(source))]
    except (SyntaxError, ValueError) as error:
        raise UserError(f"The BFF's app.py is no Python: {error}.") from None
    imported = next(
        (each.names for each in nodes if isinstance(each, ast.ImportFrom) and each.module == package), None
    )
    pages = next((listed for each in nodes if (listed := _pages(each)) is not None), None)
    if imported is None or pages is None:
        raise UserError(f"The BFF's app.py has no `from {package} import …` and `bff(…, pages=[…])`.")
    edits = [_added(source, imported, module)]
    if pages.elts:
        edits.append(_added(source, pages.elts, f"{module}.page"))
    else:
        inside = _place(source, pages.lineno, pages.col_offset) + 1
        edits.append((inside, inside, f"{module}.page"))
    for start, end, text in sorted(edits, reverse=True):
        source = source[:start] + text + source[end:]
    return source


def _added(source: str, nodes: list[ast.alias] | list[ast.expr], text: str) -> tuple[int, int, str]:
    """The span of the source in which a list of nodes gets a further one, and what is written there.

    The nodes are in the order of their texts. The new one has a line of its own where the others have.
    """
    after = next((node for node in nodes if ast.unparse(node) > text), None)
    node = after or nodes[-1]
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    start = _place(source, node.lineno, node.col_offset)
    end = _place(source, node.end_lineno, node.end_col_offset)
    while isinstance(node, ast.expr) and (source[start - 1], source[end]) == ("(", ")"):
        start, end = start - 1, end + 1
    indent = source[source.rfind("\n", 0, start) + 1 : start]
    space = " " if indent.strip() else f"\n{indent}"
    if after is not None:
        return start, start, f"{text},{space}"
    line = re.fullmatch(r"(,?)(\s*(?:#.*)?)", source[end:].partition("\n")[0])
    if indent.strip() or line is None:
        return end, end, f",{space}{text}"
    return end, end + len(line[0]), f",{line[2]}{space}{text}{line[1]}"  # after its comment


def _pages(node: ast.AST) -> ast.List | None:
    """The list of pages, if the node is `bff(…, pages=[…])`."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "bff"):
        return None
    listed = (each.value for each in node.keywords if each.arg == "pages")
    return next((each for each in listed if isinstance(each, ast.List)), None)


def _place(source: str, line: int, column: int) -> int:
    """A place in the source by its line and its column in bytes, as nodes have it."""
    *before, last = source.split("\n")[:line]
    return len("\n".join([*before, last.encode()[:column].decode()]))
