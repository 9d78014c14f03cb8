"""How a method that fetches many keys is declared, so that whoever calls it loads one."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

from gateway.page.batch import Fetched, Loads

Owner = TypeVar("Owner")
Key = TypeVar("Key")
Value = TypeVar("Value")


class Loader(Generic[Owner, Key, Value]):
    """A method that was declared with `loader`: on an object it takes one key and gives a `Load`."""

    def __init__(
        self, fetch: Callable[[Owner, Sequence[Key]], Fetched[Key, Value]], size: int, concurrency: int
    ) -> None:
        self._fetch = fetch
        self._size = size
        self._concurrency = concurrency
        self.__doc__ = fetch.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self._label = f"{owner.__name__}.{name}"

    @overload
    def __get__(self, owner: None, kind: type) -> "Loader[Owner, Key, Value]": ...
    @overload
    def __get__(self, owner: Owner, kind: type) -> "Loads[Key, Value]": ...
    def __get__(self, owner: Owner | None, kind: type) -> "Loader[Owner, Key, Value] | Loads[Key, Value]":
        if owner is None:
            return self
        fetch = self._fetch

        def fetch_of_owner(keys: Sequence[Key]) -> Fetched[Key, Value]:
            return fetch(owner, keys)

        loads = Loads(self._label, fetch_of_owner, self._size, self._concurrency)
        owner.__dict__[self._name] = loads  # where it is found before this is asked again
        return loads


def loader(
    *, max_size: int = 100, max_concurrency: int = 8
) -> Callable[[Callable[[Owner, Sequence[Key]], Fetched[Key, Value]]], Loader[Owner, Key, Value]]:
    """Declare a method `fetch(keys) -> mapping` as a loader: whoever calls it loads one key.

    A value that is an `UpstreamError` fails the load of its key only; a key that the mapping leaves out fails
    as one that its service does not know (404). A key is asked for once in the life of the method's object.

    Args:
        max_size: keys in one call.
        max_concurrency: calls at the same time.

    Raises:
        ValueError: nothing could ever be asked for.
    """
    if max_size < 1 or max_concurrency < 1:
        raise ValueError(
            f"loader: max_size ({max_size}) and max_concurrency ({max_concurrency}) are at least 1"
        )

    def declare(
        fetch: Callable[[Owner, Sequence[Key]], Fetched[Key, Value]],
    ) -> Loader[Owner, Key, Value]:
        return Loader(fetch, max_size, max_concurrency)

    return declare
