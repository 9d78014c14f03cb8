"""Apps by their factories, `module:function`.

Stability: internal.
"""

import traceback
from importlib import import_module
from typing import Any, cast

from frontispiece.errors import ConfigError, nearest
from frontispiece.extras import MissingExtra
from frontispiece.http.asgi import App


def create(factory: str) -> App:
    """The app that a factory returns.

    Whatever the factory's module or the factory raises is a ConfigError, even SystemExit: a program with
    several apps names all that fail.

    Raises:
        ConfigError: the factory cannot be imported, it fails, or it returns no app.
    """
    found = attribute(factory)
    try:
        app = found()
    except ConfigError:
        raise
    except MissingExtra as missing:
        raise ConfigError([str(missing)]) from missing
    except (Exception, SystemExit) as error:
        raise ConfigError([f"{factory} failed: {_reason(error)}"]) from error
    if not callable(app):
        raise ConfigError([f"{factory} returns no ASGI app, but {type(app).__name__}"])
    return cast(App, app)


def attribute(reference: str) -> Any:
    """What `module:attribute` names.

    Raises:
        ConfigError: it cannot be imported.
    """
    module, _, name = reference.partition(":")
    try:
        found = import_module(module)
    except (Exception, SystemExit) as error:
        raise ConfigError([f"{reference} cannot be imported: {_reason(error)}"]) from error
    try:
        return getattr(found, name)
    except AttributeError as error:
        hint = nearest(name, vars(found))
        raise ConfigError([f"{reference} cannot be imported: {error}{hint}"]) from error


def _reason(error: BaseException) -> str:
    """An exception in words, with the line that raised it."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    text = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_importing(frame)]
    return f"{text} ({frames[-1].filename}, line {frames[-1].lineno})" if frames else f"{text}{NOWHERE}"


NOWHERE = ": modules are found in the project's folder, and where pip installs"
"""The end of the message when the module itself is not found."""


def _is_importing(frame: traceback.FrameSummary) -> bool:
    """Whether it is of the import itself, which is no place to look for a fault at."""
    return frame.filename == __file__ or "importlib" in frame.filename
