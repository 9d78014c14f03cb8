"""A bounded cache of the results of a function, for texts that clients send."""

from collections.abc import Callable
from typing import Final, TypeVar

MAX_LENGTH: Final = 256
"""Of the longest text whose result is cached."""

Text = TypeVar("Text", bound=bytes | str)
Result = TypeVar("Result")


class Memo(dict[Text, Result]):
    """The results of a function by its text: of short texts alone; beyond `size` it begins anew."""

    def __init__(self, function: Callable[[Text], Result], size: int = 512) -> None:
        self._function = function
        self._size = size

    def __missing__(self, text: Text) -> Result:
        result = self._function(text)
        if len(text) <= MAX_LENGTH:
            if len(self) >= self._size:
                self.clear()
            self[text] = result
        return result
