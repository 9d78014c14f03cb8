"""A project whose code is served as it is saved: the processes of changed apps are replaced, one by one."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.util import cache_from_source
from pathlib import Path
from socket import socket

import frontispiece
from frontispiece.cli.project import Project
from frontispiece.cli.run.changes import CODE, POLL_INTERVAL, Changes
from frontispiece.cli.run.data_folder import LOGS
from frontispiece.cli.run.environment import Run
from frontispiece.cli.run.imports import NO_PYTHON, Imports
from frontispiece.cli.run.launcher import Launcher
from frontispiece.cli.run.process_layouts import child_processes, many_processes, start_command, start_factory
from frontispiece.cli.run.readiness import WARN_AFTER, accepts_connections, wait_ready
from frontispiece.cli.run.scaling import Instances
from frontispiece.errors import ConfigError, UserError
from frontispiece.server import GATEWAY
from frontispiece.server.child_process import Process
from frontispiece.server.handover import Successor
from frontispiece.server.sockets import bound
from frontispiece.server.supervisor import Supervisor
from frontispiece.settings import PROJECT_FILE

log = logging.getLogger(__name__)

PLATFORM = Path(frontispiece.__file__).parent

Say = Callable[[str], None]
"""Prints a line for the developer."""

Prepare = Callable[[Project, Mapping[str, socket]], Run]
"""The run of a project as it is now, whose apps listen on these sockets."""


@dataclass(frozen=True, kw_only=True)
class Development:
    """`front dev`, behind one public socket that stays.

    Args:
        routes: the route table's file; once the gateway runs, it reads changes itself.
    """

    data: Path
    routes: Path
    public: socket
    supervisor: Supervisor
    prepare: Prepare
    say: Say

    def run(self, project: Project, ready: Callable[[], None]) -> None:
        """Serve until a signal; a change of frontispiece.toml starts all apps again, but no servers."""
        changes = Changes(project.folder, frozenset([project.folder / PROJECT_FILE, self.routes]), self.data)
        announce = ready
        while True:
            try:
                with ExitStack() as stack:
                    apps = self._started(project, stack)
                    announce()
                    announce = partial(self.say, "all apps serve again")
                    apps.read_imports()
                    project = self._follow(apps, project, changes)
            except UserError as error:
                self.say(f"{error}\nIt is started again when something is saved.")
                _changed(changes, time.sleep)
                project = self._reloaded(project) or project

    def _started(self, project: Project, stack: ExitStack) -> "Apps":
        sockets = {GATEWAY: stack.enter_context(self.public.dup())}
        sockets |= {name: stack.enter_context(bound()) for name, app in project.apps.items() if app.factory}
        run = self.prepare(project, sockets)
        launcher = Launcher(project, sockets, fresh=True)
        commands = [name for name, app in project.apps.items() if app.command]
        stack.enter_context(child_processes(run, self.supervisor, commands, self.data / LOGS))
        instances = stack.enter_context(Instances(run, self.supervisor))
        stack.enter_context(many_processes(run, self.supervisor, sockets, None, launcher))
        asyncio.run(wait_ready(run, self.supervisor.check, sockets))
        return Apps(run, self.supervisor, launcher, sockets, instances, self.say)

    def _follow(self, apps: "Apps", project: Project, changes: Changes) -> Project:
        """Replace apps as their code changes, until frontispiece.toml does: the project as it is then."""
        while True:
            changed = _changed(changes, partial(self._pause, apps.instances))
            if project.folder / PROJECT_FILE in changed:
                now = self._reloaded(project)
                if now and now != project:
                    self.say(f"{PROJECT_FILE} has changed: all apps are started again")
                    return now
            if any(file.is_relative_to(PLATFORM) for file in changed):
                self.say("Frontispiece itself has changed: stop front dev and start it again")
            try:
                if code := {file for file in changed if file.suffix in CODE}:
                    apps.replace(code)
            except UserError:
                raise
            except Exception:  # whatever was saved, what is served goes on
                log.exception("What was saved cannot be served")

    def _pause(self, instances: Instances, seconds: float) -> None:
        self.supervisor.restart()
        instances.poll()
        time.sleep(seconds)

    def _reloaded(self, project: Project) -> Project | None:
        try:
            return Project.load(project.folder)
        except ConfigError as error:
            self.say(str(error))
            return None


class Apps:
    """The running apps of a project, each in a process of its own."""

    def __init__(
        self,
        run: Run,
        supervisor: Supervisor,
        launcher: Launcher,
        sockets: Mapping[str, socket],
        instances: Instances,
        say: Say,
    ) -> None:
        self.instances = instances
        self._run = run
        self._supervisor = supervisor
        self._launcher = launcher
        self._sockets = sockets
        self._say = say
        self._imports = Imports(run.project.folder)
        self._faulty: dict[Path, str] = {}
        """Python files that are no Python, with what is wrong."""

    def read_imports(self) -> dict[str, set[Path]]:
        """The files that each app begins with or imports; the first time takes longest."""
        return {name: self._imports.of(self._roots(name)) for name in self._names}

    def replace(self, changed: set[Path]) -> None:
        """Replace the processes of the apps that a change affects, where the new ones can be made."""
        begun = time.monotonic()
        for file in changed:
            self._faulty.pop(file, None)
            if file.suffix == ".py" and (fault := _syntax_error(file)):
                self._faulty[file] = fault
        used = self.read_imports()
        affected = [name for name in self._names if self._is_affected(name, used, changed)]
        faults = {self._faulty[file] for name in affected for file in used[name] if file in self._faulty}
        if faults:
            self._say(
                "\n".join([*sorted(faults), f"{', '.join(affected)}: still serving the previous version"])
            )
            return
        if replaced := self._replaced(affected):
            self.instances.renew(replaced)
            self._say(f"{', '.join(replaced)}: reloaded in {time.monotonic() - begun:.1f} s")

    @property
    def _names(self) -> list[str]:
        """Every app with a process, the gateway last."""
        return list(self._run.project.programs)

    def _is_affected(self, name: str, used: Mapping[str, set[Path]], changed: Iterable[Path]) -> bool:
        """Whether an app imports a changed file, or may load it otherwise: never too few.

        What lies beside an app's own module belongs to it. What no app is seen to import may be imported by a
        name that is made at run time: by those that import something of the same top-level folder.
        """
        folder = self._run.project.folder
        own = {root.parent for root in self._roots(name)} - {folder}
        if (app := self._run.project.apps.get(name)) and app.command and app.folder != Path():
            own.add(folder / app.folder)
        tops = {_top(file, folder) for file in used[name]} - {None}
        for file in changed:
            if file in used[name] or any(file.is_relative_to(each) for each in own):
                return True
            unseen = file.suffix == ".py" and not any(file in files for files in used.values())
            if unseen and _top(file, folder) in tops:
                return True
        return False

    def _roots(self, name: str) -> list[Path]:
        """The project's files that an app begins with: its factory's, or those that its command names."""
        project = self._run.project
        if factory := project.factories.get(name):
            layers = project.gateway.layers.values() if name == GATEWAY else ()
            names = [factory, *(layer.factory for layer in layers)]
            return [file for each in names for file in self._imports.module(each.partition(":")[0])[-1:]]
        return list(self._of_command(name))

    def _of_command(self, name: str) -> Iterator[Path]:
        app = self._run.project.apps[name]
        folder = self._run.project.folder / app.folder
        for argument in app.command or ():
            if (file := folder / argument).suffix in CODE and file.is_file():
                yield file
            else:
                yield from self._imports.module(argument.partition(":")[0], folder)[-1:]

    def _replaced(self, names: Iterable[str]) -> list[str]:
        """Replace apps; returns those for which it could be done. All are made before the first one stops."""
        project = self._run.project
        made: dict[str, tuple[Successor, Process]] = {}
        commands = [name for name in names if name not in project.factories]
        started = {name: self._successor(name) for name in names if name in project.factories}
        for name, (successor, process) in started.items():
            if successor.is_made():
                made[name] = successor, process
            else:
                successor.begin()
                process.wait()
                self._say(f"{name}: still serving the previous version")
        stateless = {name for name in made if name in project.apps and project.apps[name].mounted}
        for name in stateless:  # it has nothing that only one process may open
            made[name][0].begin()
        self._supervisor.terminate([*made, *commands])
        for name, (successor, process) in made.items():
            self._supervisor.replace(name, process)
            successor.begin()
        for name in commands:
            self._supervisor.replace(name, None)
            process = start_command(self._run, name, self._run.data / LOGS / f"{name}.log")
            self._supervisor.replace(name, process)
        return [*made, *(name for name in commands if self._is_up(name))]

    def _is_up(self, name: str) -> bool:
        """Whether a program listens that was started; the supervisor reports one that ends instead."""
        accepts = accepts_connections(name, self._run.hosts[name])
        until = time.monotonic() + WARN_AFTER
        while (process := self._supervisor.processes.get(name)) and process.poll() is None:
            if (missing := asyncio.run(accepts())) is None:
                return True
            if time.monotonic() > until:
                self._say(missing)
                return False
            time.sleep(POLL_INTERVAL)
        return False

    def _successor(self, name: str) -> tuple[Successor, Process]:
        with Successor() as successor:
            process = start_factory(
                self._run,
                self._launcher,
                name,
                self._sockets[name],
                "--successor",
                str(successor.descriptor),
                pass_fds=[successor.descriptor],
            )
        return successor, process


def _changed(changes: Changes, pause: Callable[[float], None]) -> set[Path]:
    """The files that have changed, without their cached bytecode.

    Python compares a cache with its source by size and whole seconds: an edit within a second may keep both.
    """
    changed = changes.wait(pause)
    for file in changed:
        if file.suffix == ".py":
            Path(cache_from_source(str(file))).unlink(missing_ok=True)
    return changed


def _top(file: Path, folder: Path) -> str | None:
    """The folder of a file that is directly in the project's; None when the file is."""
    parts = file.relative_to(folder).parts if file.is_relative_to(folder) else ()
    return parts[0] if len(parts) > 1 else None


def _syntax_error(file: Path) -> str | None:
    """The syntax error of a Python file, with its place; None without one."""
    try:
        compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
    except OSError:  # removed: whoever imports it reports that
        return None
    except NO_PYTHON as error:
        place = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        return f"{file}{place}: {getattr(error, 'msg', error) or type(error).__name__}"
    return None
