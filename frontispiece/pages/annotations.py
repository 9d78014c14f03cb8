"""Annotations of parameters: what `Body[…]`, `Header[…]` and `Query[…]` mark, and what fits a query."""

from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from frontispiece.pages.page import BodyMarker, HeaderMarker, QueryMarker


def is_marked(hint: Any, marker: type) -> bool:
    """Whether an annotation has this mark."""
    return get_origin(hint) is Annotated and marker in get_args(hint)


def without_mark(hint: Any) -> Any:
    """The type without the mark."""
    if is_marked(hint, BodyMarker):
        return get_args(hint)[0]
    if not is_marked(hint, HeaderMarker) and not is_marked(hint, QueryMarker):
        return hint
    kind, *annotations = get_args(hint)
    rest = [each for each in annotations if each is not HeaderMarker and each is not QueryMarker]
    return Annotated[(kind, *rest)] if rest else kind


def fits_query(hint: Any) -> bool:
    """Whether a query parameter can have this type: scalars, literals, their unions with None, lists."""
    if get_origin(hint) is Annotated:
        return fits_query(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return True
    if get_origin(hint) in {Union, UnionType, list, tuple}:
        return all(fits_query(argument) for argument in get_args(hint) if argument is not ...)
    return isinstance(hint, type) and issubclass(hint, (str, int, float, bool, Enum, type(None)))
