"""Which servers `front up` starts itself."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from frontispiece.cli.project import Project
from frontispiece.cli.run.up import Embedded, running_servers
from frontispiece.server.supervisor import Supervisor

VARIABLES = {
    "EVENTS_URL": "${nats}",
    "EVENTS_MONITOR_URL": "${nats.monitor}",
    "CACHE_URL": "${valkey}",
}


class Start:
    """Starts the servers of a project with these variables."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack

    def __call__(self, *names: str) -> Embedded:
        lines = [f'{name} = "{VARIABLES[name]}"' for name in names]
        app = '[apps.notes]\ncommand = ["true"]\n'
        (self._folder / "frontispiece.toml").write_text("\n".join(["[environment]", *lines, app]))
        lock = self._stack.enter_context((self._folder / "lock").open("w"))
        project = Project.load(self._folder)
        return self._stack.enter_context(running_servers(project, self._folder, lock.fileno(), Supervisor()))


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with ExitStack() as stack:
        yield Start(tmp_path, stack)


def test_each_server_that_a_variable_names_is_started(start: Start) -> None:
    embedded = start(*VARIABLES)

    assert embedded.nats.startswith("nats://front:")
    assert embedded.nats_monitor.startswith("http://127.0.0.1:")
    assert embedded.valkey.startswith("unix://")


def test_nothing_is_started_that_nothing_names(start: Start) -> None:
    assert start() == Embedded()


def test_a_broker_of_ones_own_is_not_doubled(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor would the embedded one's monitor say anything about it."""
    monkeypatch.setenv("EVENTS_URL", "nats://elsewhere:4222")

    assert start("EVENTS_URL", "EVENTS_MONITOR_URL") == Embedded()
