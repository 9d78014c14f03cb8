"""Become another program that does not outlive the process that started it.

Run as a script, `python tied.py PARENT PROGRAM ARGUMENT…`: it arranges with the kernel to be sent SIGTERM
when its parent ends, however that ends, and then turns into the program. Done here and not between fork and
exec in the parent, where Python code is unsafe as soon as there are threads. Only Linux knows this
arrangement; elsewhere it merely becomes the program.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then become the program."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):
        sys.exit("the parent ended before its end could be watched")
    os.execv(command[0], command)  # noqa: S606 (a program without a shell is the point)


if __name__ == "__main__":
    main()
