"""Whether the result type of a source fits the parameter that takes it."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NewType, Union, get_args, get_origin

UNIONS = frozenset({Union, UnionType})

PROMOTIONS: Final[Mapping[type, tuple[type, ...]]] = {
    float: (int,),
    complex: (float, int),
    bytes: (bytearray, memoryview),
}
"""Promotions: types that type checkers accept for these without inheritance."""

STANDARD_MODULES = frozenset({"builtins", "collections", "collections.abc"})
"""Modules of generics whose subclasses have the same parameters in the same order, if as many."""


def fits(actual: Any, expected: Any) -> bool:
    """Whether a value of the type `actual` fits a parameter of the type `expected`.

    Only what is certainly wrong does not fit: of types that cannot be checked here (Any, a type variable, a
    protocol) the type checker knows more.
    """
    actual, expected = _plain(actual), _plain(expected)
    if Any in (actual, expected):  # it is a class, but has no subclasses
        return True
    if len(alternatives := _alternatives(actual)) > 1:
        return all(fits(each, expected) for each in alternatives)
    if get_origin(expected) in UNIONS:
        return any(fits(actual, each) for each in get_args(expected))
    if Literal in (get_origin(actual), get_origin(expected)):
        return _literal_fits(actual, expected)
    actual_class, expected_class = get_origin(actual) or actual, get_origin(expected) or expected
    if not (isinstance(actual_class, type) and isinstance(expected_class, type)):
        return True
    return _is_subclass(actual_class, expected_class) and _arguments_fit(actual, expected)


def _alternatives(kind: Any) -> list[Any]:
    """The members of a union, or the single values of a literal."""
    if get_origin(kind) is Literal:
        return [Literal[value] for value in get_args(kind)]
    return list(get_args(kind)) if get_origin(kind) in UNIONS else [kind]


def _literal_fits(actual: Any, expected: Any) -> bool:
    """The same where one is a literal; an `actual` literal has one value."""
    if get_origin(actual) is not Literal:  # its value may be one of them
        return any(fits(type(value), actual) for value in get_args(expected))
    [value] = get_args(actual)
    return value in get_args(expected) if get_origin(expected) is Literal else fits(type(value), expected)


def _plain(kind: Any) -> Any:
    """The type without its annotations; of a `NewType` the type of its values."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if isinstance(kind, NewType):
        return _plain(kind.__supertype__)
    return NoneType if kind is None else kind


def _is_subclass(actual: type, expected: type) -> bool:
    try:
        return issubclass(actual, (expected, *PROMOTIONS.get(expected, ())))
    except TypeError:  # a protocol with attributes cannot be checked
        return True


def _arguments_fit(actual: Any, expected: Any) -> bool:
    """Whether the generic type arguments are compatible."""
    actual_args, expected_args = get_args(actual), get_args(expected)
    origins = {get_origin(actual), get_origin(expected)}
    if len(actual_args) != len(expected_args):
        return True
    pairs = [
        (one, other) for one, other in zip(actual_args, expected_args, strict=True) if ... not in (one, other)
    ]
    if all(getattr(origin, "__module__", None) in STANDARD_MODULES for origin in origins):
        return all(fits(one, other) for one, other in pairs)
    # Other generics may be covariant or contravariant: either direction will do.
    return len(origins) > 1 or all(fits(one, other) or fits(other, one) for one, other in pairs)
