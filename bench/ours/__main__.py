"""Serve one role as production does: `python -m bench.ours gateway|bff PORT`, set up by the environment."""

import sys

from frontispiece.http.asgi import App
from frontispiece.server.server import Server, serve
from frontispiece.server.sockets import bound


def role(name: str) -> App:
    """The app of a role."""
    if name == "gateway":
        from frontispiece.gateway.app import create_app  # noqa: PLC0415 (a role loads what it serves and nothing else)

        return create_app()
    from bench.ours.app import create_app as create_bff  # noqa: PLC0415 (the same)

    return create_bff()


if __name__ == "__main__":
    named, port = sys.argv[1:]
    serve((Server(named, role(named)), bound(int(port))), [])
