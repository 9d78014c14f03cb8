"""The environment of a project's apps under `front up`, out of frontispiece.toml.

Variables that are set already win, else their files in `/run/secrets`:
`CATALOG_DATABASE_URL=postgresql+psycopg://… front up` moves one app to PostgreSQL, and no other.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from frontispiece import telemetry
from frontispiece.cli.project import PLACEHOLDER, Project, fill
from frontispiece.cli.run.admin_port import AdminPort
from frontispiece.cli.run.envoy import FOLDER
from frontispiece.cli.sections import App
from frontispiece.errors import ConfigError
from frontispiece.security import issuers, private_key
from frontispiece.server import GATEWAY
from frontispiece.server.sockets import LOOPBACK
from frontispiece.settings import secret_of, value_of

TRACES_PER_SECOND: Final = "10"
"""Traces that the gateway samples a second: a load test measures the project, not its traces."""

DEVELOPMENT: Final = {
    "DATABASE_MIGRATE": "true",
    "BFF_ACCEPT_ANY_DOCUMENT": "true",
    "BFF_EXPOSE_TIMELINE": "true",  # `front explain` may look inside
    "GATEWAY_EXPOSE_TIMELINE": "true",
    "GATEWAY_WATCH_FILES": "true",
    "GATEWAY_DOCS": "true",
    "GATEWAY_DRAIN_DELAY": "0",  # no load balancer has to notice
    "GATEWAY_GRACEFUL_TIMEOUT": "2",
    "REGISTRY_DRAIN_DELAY": "0",  # nobody calls an app any more when it stops: the gateway stops first
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run of a project.

    Args:
        private: a folder for this run alone, for socket files.
        hosts: `host:port` of the gateway and of each app that listens; others are mounted.
        secrets: by name, and signing keys by variable.
        given: variables that are set already, which win.
        admin: the admin port; None where its variables are those of the environment.
        grpc: `host:port` of native gRPC; empty where Envoy does not run.
        own: of one instance of an app, its folder for socket files in place of `private`.
    """

    project: Project
    data: Path
    private: Path
    hosts: Mapping[str, str]
    valkey: str
    nats: str
    nats_monitor: str
    secrets: Mapping[str, str]
    routes: Path
    given: Mapping[str, str]
    admin: AdminPort | None
    grpc: str = ""
    own: Path | None = None

    def of_instance(self, app: str, name: str, where: str) -> "Run":
        """The run for an instance of an app, which listens on `where` and has socket files of its own."""
        own = self.private / name
        own.mkdir(exist_ok=True)
        if app == GATEWAY:  # its origin is the first one's, which has the other ports, too
            return replace(self, own=own, admin=None, grpc="")
        return replace(self, hosts={**self.hosts, app: where}, own=own)

    @property
    def url(self) -> str:
        """The gateway's."""
        return f"http://{self.hosts[GATEWAY]}"

    def environment(self, name: str) -> dict[str, str]:
        """The variables of an app."""
        values = self.values(name)
        declared = {
            **DEVELOPMENT,
            **(self._console() | self._sampling() if name == GATEWAY else {}),
            "SERVICES": json.dumps(self._addresses()),
            **self.project.declared(name),
        }
        variables = {
            key: self.given.get(key) or secret_of(key) or fill(text, values) for key, text in declared.items()
        }
        variables |= self._telemetry(name)
        if name == GATEWAY:
            variables |= self.admin.variables if self.admin else {}
            if self.grpc:
                variables |= {
                    "GATEWAY_GRPC_FOLDER": str(self.private / FOLDER),
                    "GATEWAY_GRPC_LISTEN": self.grpc,
                }
            variables["GATEWAY_ROUTES"] = str(self.routes)  # which the command line has read already
            if self.project.layers:
                variables["GATEWAY_LAYERS"] = self.given.get("GATEWAY_LAYERS") or str(self.project.layers)
        if (app := self.project.apps.get(name)) and app.command:
            variables |= self._of_command(name)
        return variables

    def _telemetry(self, name: str) -> dict[str, str]:
        """The variables by which an app exports traces and logs to the console, unless they go elsewhere.

        Those of the exporter fit together, and go before those that are set.
        """
        own = {**self.project.declared(name), **self.given}
        if self.admin is None or self.admin.url is None or telemetry.why_elsewhere(own):
            return {}
        defaults = {key: text for key, text in telemetry.EXPORTED.items() if not own.get(key)}
        others = [key for key in own if key.startswith("OTEL_EXPORTER_OTLP_") and "_METRICS_" not in key]
        return {**defaults, **dict.fromkeys(others, ""), **self.admin.export_variables}

    def _of_command(self, name: str) -> dict[str, str]:
        """The variables of a program: where it listens, its name, and no proxy towards this machine."""
        past = ",".join(filter(None, [self.given.get("no_proxy") or self.given.get("NO_PROXY"), LOOPBACK]))
        of_telemetry = {"OTEL_SERVICE_NAME": name} if self._telemetry(name) else {}
        listen = {"HOST": LOOPBACK, "PORT": self.values(name)["port"]}
        return {**listen, "NO_PROXY": past, "no_proxy": past, **of_telemetry}

    def _console(self) -> dict[str, str]:
        """The variables of the console: where it stores what it receives, and what may be tried."""
        login, demo = self.project.login, self.project.demo
        store = {"GATEWAY_CONSOLE_STORE": "${data}/console/telemetry.sqlite"}
        return {
            **(store if self._telemetry(GATEWAY) else {}),
            "GATEWAY_CONSOLE_TRY_IT": json.dumps(
                {
                    "origin": "${origin}",
                    "users": demo.users,
                    "password": demo.password,
                    "login": login.model_dump() if login else None,
                }
            ),
        }

    def _sampling(self) -> dict[str, str]:
        """How many traces the gateway begins, unless the sampler is chosen."""
        chosen = {**self.project.declared(GATEWAY), **self.given}.get("OTEL_TRACES_SAMPLER")
        return (
            {} if chosen or not self._telemetry(GATEWAY) else {"GATEWAY_TRACES_PER_SECOND": TRACES_PER_SECOND}
        )

    def process_environment(self, name: str) -> dict[str, str]:
        """The variables of the process of an app; the gateway's has those of mounted apps, too."""
        mounted = [app for app, about in self.project.apps.items() if about.mounted and name == GATEWAY]
        of_mounted = {key: value for app in mounted for key, value in self.environment(app).items()}
        return self.environment(name) | of_mounted

    def values(self, name: str) -> dict[str, str]:
        """The values of placeholders in an app's texts."""
        return {
            "origin": self.url,
            "project": str(self.project.folder),
            "data": str(self.data.resolve()),
            "run": str(self.own or self.private),
            "port": self.hosts.get(name, "").rpartition(":")[2],
            "valkey": self.valkey,
            "nats": self.nats,
            "nats.monitor": self.nats_monitor,
            "issuers": json.dumps(self._issuers()),
            **{f"apps.{app}.url": url for app, url in self._urls().items()},
            **{f"secrets.{secret}": value for secret, value in self.secrets.items()},
            **{
                f"signing_keys.{variable}": self.secrets[variable]
                for variable in self.project.signers.values()
            },
        }

    def _issuers(self) -> dict[str, dict[str, Any]]:
        """The value of `TOKEN_ISSUERS`: keys and grants of all signers; the gateway has every grant."""
        signers = self.project.signers.items()
        keys = issuers((name, private_key(self.secrets[variable])) for name, variable in signers)
        grants = {name: app.token_grant.model_dump(mode="json") for name, app in self.project.apps.items()}
        return {name: {"keys": of_app, **grants.get(name, {})} for name, of_app in keys.items()}

    def _urls(self) -> dict[str, str]:
        return {name: self._url(name, app) for name, app in self.project.apps.items()}

    def _url(self, name: str, app: App) -> str:
        return app.url or (f"http://{self.hosts[name]}" if name in self.hosts else f"app://{app.factory}")

    def _addresses(self) -> dict[str, str]:
        """The value of `SERVICES`."""
        extra: dict[str, str] = {}
        for name in self.project.apps:
            extra |= self.addresses_of(name, self.private)
        return self._urls() | extra

    def addresses_of(self, app: str, folder: Path | None = None) -> dict[str, str]:
        """The further addresses of an app, by name, with its socket files in this folder, or in its own."""
        values = {"run": str(folder or self.own or self.private)}
        return {name: fill(text, values) for name, text in self.project.apps[app].addresses.items()}


def needs(project: Project, placeholder: str) -> bool:
    """Whether a variable that is not set already has this placeholder."""
    declared = [pair for name in project.programs for pair in project.declared(name).items()]
    return any(f"${{{placeholder}}}" in text and not value_of(name) for name, text in declared)


def database_variable(project: Project, app: str, variable: str, data: Path) -> str:
    """The variable of an app's databases outside a run: what it says, else that for the data folder.

    Raises:
        ConfigError: its placeholders have values only under `front up`.
    """
    if url := value_of(variable):
        return url
    text = project.declared(app)[variable]
    values = {"data": str(data.resolve()), "project": str(project.folder)}
    if set(PLACEHOLDER.findall(text)) - values.keys():
        raise ConfigError([f"{variable} is not set, and {text} has a value only under front up"])
    return fill(text, values)


@contextmanager
def variables(environment: Mapping[str, str]) -> Iterator[None]:
    """These variables, for the duration of the block, in this process."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
