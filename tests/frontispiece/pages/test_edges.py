"""What a source gives has to be what others ask for."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NewType,
    Optional,
    Protocol,
    TypedDict,
    TypeVar,
    Union,
    runtime_checkable,
)

from msgspec import Struct

from frontispiece.pages.type_check import fits

Kind = TypeVar("Kind")
Taken_contra = TypeVar("Taken_contra", contravariant=True)
Isbn = NewType("Isbn", str)
Ean = NewType("Ean", Isbn)


class Book(Struct):
    title: str


class Atlas(Book):
    maps: int = 0


class Tone(StrEnum):
    LOUD = "loud"


class Titled(Protocol):
    title: str


@runtime_checkable
class Readable(Protocol):
    def read(self) -> str: ...


class Letter:
    def read(self) -> str:
        return ""


class Entry(TypedDict):
    title: str


class Shelf(Struct, Generic[Kind]):
    items: list[Kind]


class Words(list[Kind], Generic[Kind]):
    """Of a kind, but a list of words."""


class Reader(Generic[Taken_contra]):
    """Reads what it takes."""


FITTING = [
    (int, int),
    (Any, int),
    (int, Any),
    (list[Any], list[int]),
    (Any, int | None),
    (str | Any, str),
    (int, object),
    (None, None),
    (None, object),
    (int, float),
    (float, complex),
    (bytearray, bytes),
    (Tone, str),
    (Atlas, Book),
    (Letter, Readable),
    (Book, Titled),
    (Entry, dict),
    (int, int | None),
    (int, Optional[int]),  # noqa: UP045 (both ways to write it are met with)
    (int | None, int | str | None),
    (Union[int, str], str | int),  # noqa: UP007 (the same)
    (Literal["a"], Literal["a", "b"]),
    (Literal["a", "b"], Union[Literal["a"], Literal["b"]]),  # noqa: PYI030, UP007 (the same)
    (Literal["a", 1], str | int),
    (str, Literal["a"]),
    (Tone, Literal[Tone.LOUD]),
    (int, Annotated[int, "pages"] | None),
    (Ean, str),
    (list[Isbn], Sequence[str]),
    (Kind, int),
    (list[int], list[Kind]),  # type: ignore[valid-type]  # of a generic function
    (type[Atlas], type[Book]),
    (list[int], list),
    (list[int], Iterable[int]),
    (str, Sequence[str]),
    (tuple[int, str], Sequence[int | str]),
    (tuple[int, ...], tuple[int, int]),
    (dict[str, Atlas], Mapping[str, Book | None]),
    (Counter[str], Mapping[str, int]),
    (dict[str, int], Iterable[str]),
    (Words[bytes], list[str]),
    (Shelf[Atlas], Shelf[Book]),
    (Reader[object], Reader[int]),
    (Callable[[int], str], Callable[[int], object]),
    (Callable[[object], str], Callable[[int], str]),
    (Callable[..., int], Callable[[str], int]),
    (Letter, Callable[[int], str] | Readable),
]

UNFIT = [
    (int, str),
    (float, int),
    (None, int),
    (int | None, int),
    (Optional[int], int),  # noqa: UP045 (both ways to write it are met with)
    (object, int),
    (int | Any, str),
    (int, Literal["a"]),
    (Book, Atlas),
    (Book, dict),
    (Book, Readable),
    (Literal["a"], int),
    (Literal["a", 1], str),
    (Literal["a", "c"], Literal["a", "b"]),
    (Annotated[int, "pages"], str),
    (Isbn, int),
    (int, Isbn),
    (list[int], int),
    (list[int], list[str]),
    (list[Book], tuple[Book, ...]),
    (Sequence[int], list[int]),
    (dict[str, int], dict[str, str]),
    (dict[str, list[int]], Mapping[str, Sequence[str]]),
    (tuple[int, str], tuple[int, int]),
    (Shelf[Book], Shelf[int]),
    (type[Book], type[int]),
    (Callable[[int], str], Callable[[int], int]),
]


def test_types_that_may_fit_are_not_refused() -> None:
    assert [pair for pair in FITTING if not fits(*pair)] == []


def test_types_that_cannot_fit_are_refused() -> None:
    assert [pair for pair in UNFIT if fits(*pair)] == []
