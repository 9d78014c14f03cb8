"""Apps by their factories, `module:function`."""

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
    except ImportError as error:
        raise ConfigError([f"{reference} cannot be imported: {error}"]) from error
    except (Exception, SystemExit) as error:
        raise ConfigError([f"{reference} cannot be imported: {_reason(error)}"]) from error
    try:
        return getattr(found, name)
    except AttributeError as error:
        hint = nearest(name, vars(found))
        raise ConfigError([f"{reference} cannot be imported: {error}{hint}"]) from error


def _reason(error: BaseException) -> str:
    """An exception in words, with the line that raised it."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):  # it names its place
        return text
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{text} ({last.filename}, line {last.lineno})"
