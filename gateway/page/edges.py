"""Whether what a source gives is what another, or the view, asks for."""

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

UNIONS = frozenset({Union, UnionType})


def fits(given: Any, wanted: Any) -> bool:
    """Whether a value of the type `given` may stand where `wanted` is asked for.

    Only what is sure to be wrong is refused: of a type about which nothing can be said here (Any, a type
    variable, a protocol) the type checker knows more.
    """
    given, wanted = _plain(given), _plain(wanted)
    if get_origin(given) in UNIONS:
        return all(fits(each, wanted) for each in get_args(given))
    if get_origin(wanted) in UNIONS:
        return any(fits(given, each) for each in get_args(wanted))
    if get_origin(given) is Literal:
        if get_origin(wanted) is Literal:
            return set(get_args(given)) <= set(get_args(wanted))
        return all(fits(type(value), wanted) for value in get_args(given))
    of_given, of_wanted = get_origin(given) or given, get_origin(wanted) or wanted
    if not (isinstance(of_given, type) and isinstance(of_wanted, type)):
        return True
    return _is_kind_of(of_given, of_wanted) and _arguments_fit(given, wanted)


def _plain(kind: Any) -> Any:
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    return NoneType if kind is None else kind


def _is_kind_of(given: type, wanted: type) -> bool:
    if wanted is float:
        return given in {float, int}  # as type checkers have it
    try:
        return issubclass(given, wanted)
    except TypeError:  # a protocol with attributes cannot be asked
        return True


def _arguments_fit(given: Any, wanted: Any) -> bool:
    """The same of what stands in brackets, where both have as many."""
    ours, theirs = get_args(given), get_args(wanted)
    if len(ours) != len(theirs):
        return True
    return all(fits(one, other) for one, other in zip(ours, theirs, strict=True) if not {one, other} & {...})
