"""A launcher whose program ends when its parent ends.

Run as a script, `python parent_death.py PARENT self|group PROGRAM ARGUMENT…`: it asks the kernel for a signal
at the end of its parent, however that comes. Between fork and exec in the parent, Python code would be unsafe
with threads. Only Linux has this mechanism; elsewhere nothing signals the program.

- `self` becomes the program, which gets SIGTERM: what the program itself has started outlives a parent that
  is killed.
- `group` stays beside the program and ends its process group: by SIGTERM, and by SIGKILL a moment later.

A parent that ends in order stops the group itself (`child_process.stop`).
"""

import ctypes
import os
import signal
import sys
import time
from types import FrameType

PR_SET_PDEATHSIG = 1

PARENT_ENDED = signal.SIGHUP
"""Tells the launcher that its parent has ended: SIGTERM comes from a parent that stops the group itself."""

GRACE = 3.0
"""Seconds from SIGTERM to SIGKILL."""


def main() -> None:
    """Bind this process to its parent, then become the program or start it."""
    for name in (signal.SIGINT, signal.SIGTERM):  # inherited as ignored, they could not stop the program
        signal.signal(name, signal.SIG_DFL)
    parent, mode, *command = sys.argv[1:]
    if mode == "group":
        _start(int(parent), command)
    else:
        bind(int(parent), signal.SIGTERM)
        os.execv(command[0], command)  # noqa: S606 (a program without a shell is the point)


def bind(parent: int, number: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent ends."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent ended before its end could be watched")


def _start(parent: int, command: list[str]) -> None:
    """Run the program, and end as it ends."""
    inherited = signal.signal(PARENT_ENDED, _end_group)
    bind(parent, PARENT_ENDED)
    program = os.fork()
    if not program:
        signal.signal(PARENT_ENDED, inherited)
        os.execv(command[0], command)  # noqa: S606 (as above)
    for name in (signal.SIGINT, signal.SIGTERM):  # for the group: the program ends by them, and then this
        signal.signal(name, signal.SIG_IGN)
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    if code >= 0:
        sys.exit(code)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_DFL)
    os.kill(os.getpid(), -code)


def _end_group(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
