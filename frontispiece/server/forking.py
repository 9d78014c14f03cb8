"""Child processes forked from this one: they have its modules already, in memory that all share.

A process of several threads cannot be forked safely, nor can any on systems whose libraries start threads.
"""

import ctypes
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Final, NoReturn

from frontispiece.server import parent_death
from frontispiece.server.child_process import Fork, log_file
from frontispiece.server.signals import Stop

PR_SET_NAME: Final = 15

STANDARD_STREAMS: Final = (0, 1, 2)


def is_safe() -> bool:
    """Whether this process can be forked now."""
    return sys.platform == "linux" and len(list(Path("/proc/self/task").iterdir())) == 1


class Template:
    """What forks of this process begin with: these modules, and none of its descriptors, handlers and log.

    A module that cannot be imported is left out: the process that imports it again reports the error.
    """

    def __init__(self, modules: Iterable[str]) -> None:
        self._log = list(logging.root.handlers)
        before = _descriptors()
        gc.disable()  # memory that collections have written to is no longer shared
        try:
            import_all(modules)
            gc.freeze()
        finally:
            gc.enable()
        self._descriptors = _descriptors() - before

    def start(
        self,
        main: Callable[[], object],
        *,
        name: str,
        log: Path | None,
        pass_fds: Collection[int],
        environment: Mapping[str, str],
    ) -> Fork:
        """Start a child process that runs a function; it ends when this process is killed, too.

        Args:
            main: the function.
            name: of the process in system monitors.
            log: see `child_process.start`, here and below.
            pass_fds: open files that it inherits.
            environment: variables beside, or instead of, those of this process.
        """
        parent = os.getpid()
        with ExitStack() as opened:
            output = opened.enter_context(log_file(log))
            reader, writer = map(opened.enter_context, pipe())
            with _signals_blocked() as mask:
                _flush()
                pid = os.fork()
                if not pid:

                    def begin() -> None:
                        _become(name, parent, output)
                        os.environ.update(environment)
                        self._release(pass_fds)  # the pipe, too: the parent goes on
                        _reset_signals(mask)
                        main()

                    _run(begin)
            writer.close()
            reader.read()  # the child's process group exists from then on
        return Fork(pid)

    def _release(self, keep: Collection[int]) -> None:
        """Close what the parent has opened, and leave its log."""
        for descriptor in _descriptors() - self._descriptors - {*STANDARD_STREAMS, *keep}:
            os.close(descriptor)
        for handler in self._log:
            logging.root.removeHandler(handler)


def import_all(modules: Iterable[str]) -> None:
    """Import modules; those that cannot be imported are left out."""
    for module in modules:
        try:
            import_module(module)
        except Stop:
            raise
        except (Exception, SystemExit):  # noqa: BLE001, S110 (the child process names it)
            pass


def _descriptors() -> set[int]:
    listed = list(Path("/proc/self/fd").iterdir())
    return {int(file.name) for file in listed if os.path.lexists(file)}  # not that of the listing itself


@contextmanager
def _signals_blocked() -> Iterator[set[int]]:
    """No signal reaches this thread during the block; gives those that reach it neither before nor after."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield set(mask)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _become(name: str, parent: int, output: IO[bytes] | None) -> None:
    """Make a fork a process of its own, as `child_process.start` does."""
    parent_death.bind(parent, signal.SIGTERM)
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)
    os.setsid()
    os.umask(0o077)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if output is not None:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)


def _reset_signals(mask: Collection[int]) -> None:
    """Have no handler of the parent; a SIGHUP that it handles ends no fork that does not yet do so itself."""
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _run(main: Callable[[], object]) -> NoReturn:
    """Run a function as a program; what the parent has on the stack is neither continued nor cleaned up."""
    status = 1
    try:
        main()
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)  # noqa: T201 (as the interpreter does)
        else:
            status = end.code or 0
    except BaseException as error:  # noqa: BLE001 (the same)
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        _flush()
        os._exit(status)


def pipe() -> tuple[IO[bytes], IO[bytes]]:
    """Both ends of a pipe: to read from, and to write to."""
    reader, writer = os.pipe()
    return os.fdopen(reader, "rb"), os.fdopen(writer, "wb")


def _flush() -> None:
    """Write what is buffered, lest a fork does it again."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody reads it any more
            stream.flush()
