"""The servers that a project needs and that `front up` starts itself."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from frontispiece.cli.project import Project
from frontispiece.cli.run.environment import needs
from frontispiece.errors import ConfigError
from frontispiece.server.supervisor import Supervisor


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """URLs of the servers that run; empty for those that nothing needs."""

    valkey: str = ""
    nats: str = ""
    nats_monitor: str = ""

    def check(self, project: Project) -> None:
        """Check that what a project needs, maybe only since its file has changed, runs.

        Raises:
            ConfigError: it does not.
        """
        for name, url in (("valkey", self.valkey), ("nats", self.nats)):
            if not url and needs(project, name):
                raise ConfigError([f"${{{name}}} is needed only now: stop front dev and start it again"])


@contextmanager
def running_servers(project: Project, data: Path, lock: int, supervisor: Supervisor) -> Iterator[Embedded]:
    """The embedded servers for the duration of the block.

    Args:
        project: whose placeholders say which are needed.
        data: the folder that has one for each server.
        lock: the descriptor of that folder's lock, which they inherit.
        supervisor: starts them again when they end.

    Raises:
        ChildFailed: one did not start.
        MissingExtra: the extra `embedded` is not installed.
    """
    found: dict[str, str] = {}
    with ExitStack() as stack:
        if needs(project, "nats"):
            from frontispiece.cli.run.nats import running_nats  # noqa: PLC0415 (an extra)

            nats = stack.enter_context(running_nats(data / "nats", pass_fds=[lock], supervisor=supervisor))
            found |= {"nats": nats.url, "nats_monitor": nats.monitor_url}
        if needs(project, "valkey"):
            from frontispiece.cli.run.valkey import running_valkey  # noqa: PLC0415 (an extra)

            found["valkey"] = stack.enter_context(
                running_valkey(data / "valkey", pass_fds=[lock], supervisor=supervisor)
            )
        yield Embedded(**found)
