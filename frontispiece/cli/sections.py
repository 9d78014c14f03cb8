"""The sections of frontispiece.toml, each with its keys."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from frontispiece.gateway.config.layers import LayerDeclaration, LayerName
from frontispiece.settings import TokenGrant
from frontispiece.units import Matches, UrlPath

Name = Annotated[str, Matches(r"[a-z][a-z0-9_-]*", "name: small letters, digits, - and _, a letter first")]
Factory = Annotated[str, Matches(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", "module:function")]
Package = Annotated[str, Matches(r"[A-Za-z_][\w.]*", "package.module")]
Variable = Annotated[str, Matches(r"[A-Za-z_]\w*", "VARIABLE: letters, digits and _, no digit first")]
Shard = Annotated[str, Matches(r"[a-z0-9][a-z0-9-]*", "name: small letters, digits and -, no - first")]
Environment = dict[Variable, str]


DEFAULT_PORT: Final = 8080
"""The public port of `front up`."""


class Section(BaseModel):
    """A section of the file: frozen, and closed to keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Shards(Section):
    """The databases of an app that spreads its data over several of a kind."""

    variable: Variable = Field(
        description="The variable for the URLs: JSON, by shard an object with the keys of `databases`."
    )
    names: Annotated[tuple[Shard, ...], Field(min_length=1)] = Field(
        description="The shards unless the variable is set: SQLite in the data folder. The first one's files "
        "are named as if it were the only one."
    )
    databases: Annotated[dict[Name, Package], Field(min_length=1)] = Field(
        description="What each shard has: keys such as `database_url`, and the packages of their migrations."
    )

    def urls(self, app: str) -> dict[str, dict[str, str]]:
        """The URLs of all shards, with placeholders; `app` is the app's name."""
        return {
            shard: {key: f"sqlite:///${{data}}/{_file(app, key, shard, number)}.db" for key in self.databases}
            for number, shard in enumerate(self.names)
        }


def _file(app: str, key: str, shard: str, number: int) -> str:
    kind = key.removesuffix("database_url").strip("_")
    return "_".join(filter(None, (app, kind, shard if number else "")))


class App(Section):
    """One app: exactly one of `factory`, `command` and `url` says how it comes to be."""

    factory: Factory | None = Field(None, description="`module:function` that returns an ASGI app.")
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        None,
        description="A program in any language and its arguments; it listens on `${port}`, also in "
        "`PORT`, at the address in `HOST`.",
    )
    url: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="The address of an app that runs elsewhere."
    )
    mounted: bool = Field(
        False, description="Whether `front up` serves the factory's app in the gateway's process (`app://`)."
    )
    folder: Path = Field(Path(), description="The folder that `command` runs in, relative to the project's.")
    health: UrlPath | None = Field(
        None,
        description="A path that answers 200 as soon as the app is ready, for `front up`. Without one, "
        "a program is ready when it accepts connections.",
    )
    database: Variable | Annotated[dict[Variable, Package], Field(min_length=1)] | None = Field(
        None,
        description="The variable for its database's URL: SQLite in the data folder unless it is set. "
        "Of several databases, each variable with the package of its migrations.",
    )
    shards: Shards | None = Field(None, description="Its databases, where it has several of a kind.")
    signing_key: Variable | None = Field(
        None,
        description="The variable for the Ed25519 private key (PEM) of its internal tokens. Apps that "
        "name the same variable share a key.",
    )
    token_grant: TokenGrant = Field(
        default=TokenGrant(), description="What its internal tokens may say, in `${issuers}`."
    )
    single: bool = Field(
        False,
        description="Whether only one process may run it, such as one with data in files of its own: "
        "`front scale` starts no more.",
    )
    addresses: dict[Name, str] = Field(
        default={},
        description="Further entries of `SERVICES`, by name, such as a gRPC address: `unix:${run}/x.sock`.",
    )
    environment: Environment = Field(default={}, description="Its variables under `front up`.")

    @property
    def databases(self) -> dict[str, str | None]:
        """The packages of the migrations of its databases, by the variables of their URLs.

        The one database of a factory `stars.app:create_app` has its migrations in the package
        `stars.migrations`, if there is one.
        """
        if not isinstance(self.database, str):
            return dict(self.database or {})
        package = (self.factory or "").partition(":")[0].rpartition(".")[0]
        return {self.database: f"{package}.migrations" if package else None}

    @property
    def program(self) -> str | None:
        """The factory or program that `front serve` runs; None when the app runs elsewhere."""
        return self.factory or (self.command[0] if self.command else None)


class Gateway(Section):
    """The project's gateway."""

    factory: Factory = Field(
        "frontispiece.gateway.app:create_app", description="`module:function` that returns the gateway."
    )
    routes: Path = Field(
        Path("routes.toml"), description="The route table, relative to the project's folder."
    )
    ready: tuple[UrlPath, ...] = Field(
        (),
        description="Paths that must answer below 500 before `front up` is ready, besides `/health/ready`.",
    )
    signing_key: Variable = Field(
        "GATEWAY_SIGNING_KEY", description="The variable for the gateway's Ed25519 private key (PEM)."
    )
    grpc_port: int | None = Field(
        None,
        ge=0,
        lt=2**16,
        description="The port of native gRPC under `front up`, on loopback, which Envoy serves, beside the "
        "public port 8080: with `--port 9000` it is greater by 920, too. A free one when it is taken, or 0.",
    )
    environment: Environment = Field(default={}, description="Its variables under `front up`.")
    layers: dict[LayerName, LayerDeclaration] = Field(
        default={}, description="Layers of the project's own, by the names that routes have them by."
    )


class Import(Section):
    """Where `front import` sends a file."""

    path: UrlPath = Field(description="The endpoint at the gateway that takes the file by POST.")
    user: str | None = Field(None, description="The user who logs in for it unless `--user` names another.")


class ContractsFolder(Section):
    """The contracts of released clients, for `front contracts`."""

    folder: Path = Field(
        Path("contracts"), description="The folder of `released.toml` and `<client>/<version>.json`."
    )
    stage: Factory = Field(
        description="`module:function` that puts an app on its stage: a `frontispiece.contracts.Staging`."
    )


class Demo(Section):
    """The hints and demo users that `front up` prints."""

    users: tuple[str, ...] = Field((), description="Users that the seeds create.")
    password: str | None = Field(None, description="The password of all these users.")
    hints: str = Field(
        "",
        description="Text that `front up` prints once it is ready; `${origin}` is the gateway's "
        "URL, `${data}` the data folder.",
    )
