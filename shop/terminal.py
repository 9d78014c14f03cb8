"""How the shop's own commands of `front` run."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

from frontispiece.errors import UserError
from frontispiece.http import Problem

Parameters = ParamSpec("Parameters")


def asynchronous(work: Callable[Parameters, Coroutine[Any, Any, None]]) -> Callable[Parameters, None]:
    """A command that runs this to its end; a database that does not serve is a `UserError`."""

    @wraps(work)
    def command(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            asyncio.run(work(*args, **kwargs))
        except Problem as error:
            raise UserError(str(error)) from None

    return command
