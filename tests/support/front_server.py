"""Runs `front` in forks of this process, which has imported it: requests and responses are lines of JSON."""

import json
import os
import sys
from functools import partial
from typing import Any

from frontispiece.cli.main import main
from frontispiece.server.child_process import Process
from frontispiece.server.forking import Template

MODULES = (
    "frontispiece.cli.inspect.check",
    "frontispiece.cli.inspect.explain_html",
    "frontispiece.cli.inspect.page_graph",
    "frontispiece.login.flow",
    "frontispiece.cli.run.migrate",
    "frontispiece.cli.run.serve",
    "frontispiece.cli.run.up",
    "frontispiece.events",
    "frontispiece.gateway.app",
    "frontispiece.service",
    "frontispiece.stores.autogenerate",
    "httpcore",
    "uvloop",
)


def serve() -> None:
    """Answer requests until the end of the input: to run a command, or whether one has ended."""
    template = Template(MODULES)
    processes: dict[int, Process] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if (pid := request.get("poll")) is not None:
            answer = processes[pid].poll()
        else:
            process = template.start(
                partial(front, request), name="front", log=None, pass_fds=(), environment={}
            )
            answer = process.pid
            processes[answer] = process
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def front(request: dict[str, Any]) -> None:
    """Become the command."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    os.umask(0o022)
    for descriptor, file in (1, request["output"]), (2, request["errors"]):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), descriptor)
    sys.argv = ["front", *request["arguments"]]
    main()


if __name__ == "__main__":
    serve()
