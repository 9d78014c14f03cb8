"""What a source gives has to be what others ask for."""

import re
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    Optional,
    Protocol,
    TypedDict,
    TypeVar,
    Union,
    runtime_checkable,
)

import pytest
from msgspec import Struct

from gateway.page import Page
from gateway.page.edges import fits
from gateway.page.graph import plans
from kit.faults import Faulty

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


class Leaf(NamedTuple):
    number: int


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
    (list[int], list[Any]),
    (Any, int | None),
    (str | Any, str),
    (int, object),
    (None, None),
    (None, object),
    (int, float),
    (bool, float),
    (bool, int),
    (float, complex),
    (bytearray, bytes),
    (Tone, str),
    (datetime, date),
    (Atlas, Book),
    (Letter, Readable),
    (Book, Titled),
    (Entry, dict),
    (Entry, Mapping[str, Any]),
    (dict[str, Any], Entry),
    (Leaf, tuple),
    (int, int | None),
    (int, Optional[int]),  # noqa: UP045 (both ways to write it are met with)
    (None, int | None),
    (bool, float | None),
    (int | None, int | str | None),
    (Union[int, str], str | int),  # noqa: UP007 (the same)
    (Literal["a"], Literal["a", "b"]),
    (Literal["a", "b"], Union[Literal["a"], Literal["b"]]),  # noqa: PYI030, UP007 (the same)
    (Literal["a"] | None, Literal["a", "b"] | None),
    (Literal["a", 1], str | int),
    (Literal[True], int),
    (str, Literal["a"]),
    (Tone, Literal[Tone.LOUD]),
    (Annotated[int, "pages"], int),
    (int, Annotated[int, "pages"] | None),
    (list[int], list[Annotated[int, "pages"]]),
    (Ean, str),
    (Ean, Isbn),
    (str, Isbn),
    (list[Isbn], Sequence[str]),
    (Kind, int),
    (int, Kind),
    (list[int], list[Kind]),  # type: ignore[valid-type]  # of a generic function
    (type[Atlas], type[Book]),
    (list[Atlas], list[Book]),
    (list[int], list),
    (list, list[int]),
    (list[int], Sequence[float]),
    (list[int], Iterable[int]),
    (str, Sequence[str]),
    (str, Hashable),
    (tuple[int, ...], Sequence[int]),
    (tuple[int, str], Sequence[int | str]),
    (tuple[int, ...], tuple[int, int]),
    (deque[int], Collection[int]),
    (dict[str, int], Mapping[str, int]),
    (dict[str, Atlas], Mapping[str, Book | None]),
    (OrderedDict[str, int], dict[str, int]),
    (Counter[str], Mapping[str, int]),
    (dict[str, list[int]], Mapping[str, Sequence[int]]),
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
    (str, int),
    (float, int),
    (None, int),
    (int | None, int),
    (Optional[int], int),  # noqa: UP045 (both ways to write it are met with)
    (Book | None, Book),
    (int, str | None),
    (object, int),
    (int | Any, str),
    (int, Literal["a"]),
    (Book, Atlas),
    (Book, dict),
    (Book, Readable),
    (Literal["a"], int),
    (Literal["a", 1], str),
    (Literal["a", "c"], Literal["a", "b"]),
    (Literal["a"] | None, Literal["a", "b"]),
    (Annotated[int, "pages"], str),
    (Isbn, int),
    (int, Isbn),
    (list[Isbn], list[int]),
    (list[int], int),
    (int, list[int]),
    (list[int], list[str]),
    (list[int | None], list[int]),
    (list[Book], tuple[Book, ...]),
    (Sequence[int], list[int]),
    (dict[str, int], dict[str, str]),
    (dict[str, int], dict[int, int]),
    (Mapping[str, int], dict[str, int]),
    (dict[str, list[int]], Mapping[str, Sequence[str]]),
    (tuple[int, str], tuple[int, int]),
    (Shelf[Book], Shelf[int]),
    (type[Book], type[int]),
    (Callable[[int], str], Callable[[int], int]),
    (list[int], Hashable),
]


def pair(value: object) -> str:
    return re.sub(r"[\w.]+\.|<class |>", "", repr(value))


@pytest.mark.parametrize(("given", "wanted"), FITTING, ids=pair)
def test_what_may_be_right_is_not_refused(given: Any, wanted: Any) -> None:
    assert fits(given, wanted)


@pytest.mark.parametrize(("given", "wanted"), UNFIT, ids=pair)
def test_what_is_surely_wrong_is_refused(given: Any, wanted: Any) -> None:
    assert not fits(given, wanted)


def test_a_source_that_does_not_say_what_it_gives_may_give_anything() -> None:
    page = Page("/books", deadline=1.0)

    async def count():  # type: ignore[no-untyped-def]  # noqa: ANN202 (what is tested)
        return 1

    page.source()(count)

    @page.view
    def view(count: int) -> str:
        return str(count)

    [plan] = plans([page], [])
    assert plan.answers is str


def test_an_edge_that_asks_for_no_type_takes_anything() -> None:
    page = Page("/books", deadline=1.0)

    @page.source()
    async def count() -> int:
        return 1

    def view(count) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001 (what is tested)
        return str(count)

    page.view(view)
    assert len(plans([page], [])) == 1


def test_edges_that_do_not_fit_are_told_with_file_and_line_and_every_other_fault() -> None:
    page = Page("/books", deadline=1.0)

    @page.source(fallback=list)
    async def shelf() -> list[Book]:
        return []

    @page.source(fallback=dict)
    async def index(shelf: dict[str, Book]) -> dict[str, Book]:
        return shelf

    @page.source()
    async def nobodys(shelf: list[Book]) -> None:
        """Ask nobody."""

    @page.view
    def view(shelf: list[int], index: Mapping[str, Book]) -> str:
        return f"{shelf}{index}"

    with pytest.raises(Faulty) as refusal:
        plans([page], [])

    told = refusal.value.faults
    lines = {name: function.__code__.co_firstlineno for name, function in (("index", index), ("view", view))}
    book = f"{Book.__module__}.Book"
    assert (
        f"{__file__}:{lines['index']}: /books: the source shelf gives list[{book}], not dict[str, {book}]"
        in told
    )
    assert f"{__file__}:{lines['view']}: /books: the source shelf gives list[{book}], not list[int]" in told
    assert any("nobody uses the source nobodys" in fault for fault in told)
    assert any("nobodys is required but stands behind optional shelf" in fault for fault in told)
