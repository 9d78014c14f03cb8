"""Whether what a source gives is what another, or the view, asks for."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NewType, Union, get_args, get_origin

UNIONS = frozenset({Union, UnionType})

STAND_FOR: Final[Mapping[type, tuple[type, ...]]] = {
    float: (int,),
    complex: (float, int),
    bytes: (bytearray, memoryview),
}
"""What may stand for these though it is no kind of them, as type checkers have it."""

OF_PYTHON = frozenset({"builtins", "collections", "collections.abc"})
"""Where generics come from whose kinds have the same parameters in the same order, if as many."""


def fits(given: Any, wanted: Any) -> bool:
    """Whether a value of the type `given` may stand where `wanted` is asked for.

    Only what is sure to be wrong is refused: of a type about which nothing can be said here (Any, a type
    variable, a protocol) the type checker knows more.
    """
    given, wanted = _plain(given), _plain(wanted)
    if Any in (given, wanted):  # which is a class, of which none is a kind
        return True
    if len(either := _alternatives(given)) > 1:
        return all(fits(each, wanted) for each in either)
    if get_origin(wanted) in UNIONS:
        return any(fits(given, each) for each in get_args(wanted))
    if Literal in (get_origin(given), get_origin(wanted)):
        return _literal_fits(given, wanted)
    of_given, of_wanted = get_origin(given) or given, get_origin(wanted) or wanted
    if not (isinstance(of_given, type) and isinstance(of_wanted, type)):
        return True
    return _is_kind_of(of_given, of_wanted) and _arguments_fit(given, wanted)


def _alternatives(kind: Any) -> list[Any]:
    """The types of which a value has one."""
    if get_origin(kind) is Literal:
        return [Literal[value] for value in get_args(kind)]
    return list(get_args(kind)) if get_origin(kind) in UNIONS else [kind]


def _literal_fits(given: Any, wanted: Any) -> bool:
    """The same where one of them names values, the given one a single value."""
    if get_origin(given) is not Literal:  # which may turn out to be one of them
        return any(fits(type(value), given) for value in get_args(wanted))
    [value] = get_args(given)
    return value in get_args(wanted) if get_origin(wanted) is Literal else fits(type(value), wanted)


def _plain(kind: Any) -> Any:
    """The type without what is only said of it; of a `NewType` what its values are."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if isinstance(kind, NewType):
        return _plain(kind.__supertype__)
    return NoneType if kind is None else kind


def _is_kind_of(given: type, wanted: type) -> bool:
    try:
        return issubclass(given, (wanted, *STAND_FOR.get(wanted, ())))
    except TypeError:  # a protocol with attributes cannot be asked
        return True


def _arguments_fit(given: Any, wanted: Any) -> bool:
    """The same of what stands in brackets, where one stands for the other."""
    ours, theirs = get_args(given), get_args(wanted)
    origins = {get_origin(given), get_origin(wanted)}
    if len(ours) != len(theirs):
        return True
    pairs = [(one, other) for one, other in zip(ours, theirs, strict=True) if ... not in (one, other)]
    if all(getattr(origin, "__module__", None) in OF_PYTHON for origin in origins):
        return all(fits(one, other) for one, other in pairs)
    # What the parameters of any other generic mean only it knows; but in one class they are no strangers.
    return len(origins) > 1 or all(fits(one, other) or fits(other, one) for one, other in pairs)
