"""Where Envoy listens under `front up`."""

from contextlib import ExitStack
from pathlib import Path

from frontispiece.cli.project import Project
from frontispiece.cli.run.envoy import native_grpc
from frontispiece.server.sockets import address, bound
from frontispiece.server.supervisor import Supervisor
from frontispiece.settings import PROJECT_FILE


def test_native_grpc_has_a_port_beside_the_public_one_and_never_that_of_another_run(tmp_path: Path) -> None:
    with bound() as sock:
        free = int(address(sock).rpartition(":")[2])
    (tmp_path / PROJECT_FILE).write_text(f"[gateway]\ngrpc_port = {free - 1}\n")
    project = Project.load(tmp_path)

    with ExitStack() as stack:
        first, second = (
            stack.enter_context(native_grpc(project, 8081, tmp_path / name, tmp_path, Supervisor()))
            for name in ("one", "two")
        )

    assert first == f"127.0.0.1:{free}"
    assert second != first
