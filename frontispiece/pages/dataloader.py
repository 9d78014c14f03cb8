"""How a method that fetches many keys is declared, so that its callers load one."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar, overload

from frontispiece.pages.batching import BatchLoader, Fetched, PendingLoad

Owner = TypeVar("Owner")
Key = TypeVar("Key")
Value = TypeVar("Value")

Load = Callable[[Key], PendingLoad[Key, Value]]
"""Loads one key."""


class LoaderDescriptor(Generic[Owner, Key, Value]):
    """A method declared with `loader`: on an object it takes one key and returns a `PendingLoad`."""

    def __init__(
        self,
        fetch: Callable[[Owner, Sequence[Key]], Fetched[Key, Value]],
        max_size: int,
        max_concurrency: int,
    ) -> None:
        self._fetch = fetch
        self._max_size = max_size
        self._max_concurrency = max_concurrency
        self.__doc__ = fetch.__doc__

    def fetch_of(self, owner: Owner) -> Callable[[Sequence[Key]], Fetched[Key, Value]]:
        """The method as it is written, which fetches many keys."""
        return partial(self._fetch, owner)

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self._label = f"{owner.__name__}.{name}"

    @overload
    def __get__(self, owner: None, kind: type) -> "LoaderDescriptor[Owner, Key, Value]": ...
    @overload
    def __get__(self, owner: Owner, kind: type) -> Load[Key, Value]: ...
    def __get__(
        self, owner: Owner | None, kind: type
    ) -> "LoaderDescriptor[Owner, Key, Value] | Load[Key, Value]":
        if owner is None:
            return self
        found = owner.__dict__
        detach = partial(found.pop, self._name, None)
        fetch = self.fetch_of(owner)
        load = BatchLoader(self._label, fetch, self._max_size, self._max_concurrency, detach).load
        found[self._name] = load  # before this descriptor, from now on
        return load


def loader(
    *, max_size: int = 100, max_concurrency: int = 8
) -> Callable[[Callable[[Owner, Sequence[Key]], Fetched[Key, Value]]], LoaderDescriptor[Owner, Key, Value]]:
    """Declare a method `fetch(keys) -> mapping` as a loader: its callers load one key each.

    A value that is an `UpstreamError` fails the load of its key only; a key that the mapping leaves out fails
    with a 404. A key is loaded once in the life of the method's object, or of its page.

    ```python
    class Articles:
        @loader(max_size=100)
        async def article(self, ids: Sequence[str]) -> Mapping[str, Article]: ...

    found = await gather(articles.article(id) for id in ids)  # one call for up to 100
    ```

    Args:
        max_size: keys in one call.
        max_concurrency: calls at the same time.

    Raises:
        ValueError: a number is less than 1.
    """
    if max_size < 1 or max_concurrency < 1:
        raise ValueError(
            f"loader: max_size ({max_size}) and max_concurrency ({max_concurrency}) are at least 1"
        )

    def declare(
        fetch: Callable[[Owner, Sequence[Key]], Fetched[Key, Value]],
    ) -> LoaderDescriptor[Owner, Key, Value]:
        return LoaderDescriptor(fetch, max_size, max_concurrency)

    return declare
