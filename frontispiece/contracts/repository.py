"""The folder of contracts: released.toml and `<client>/<version>.json`, now or at a revision of git."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

from frontispiece.contracts.released import CLIENT, RELEASED, VERSION, Released
from frontispiece.errors import ConfigError

GIT_TIMEOUT: Final = 60
"""Seconds for one call of git."""


@dataclass(frozen=True)
class WorkingTree:
    """The folder as it is on disk; a ConfigError names what cannot be read."""

    folder: Path

    def names(self) -> list[str]:
        """Every file's path below the folder."""
        if not self.folder.is_dir():
            raise ConfigError([f"{self.folder} is no folder: [contracts] folder names it"])
        return sorted(
            file.relative_to(self.folder).as_posix() for file in self.folder.rglob("*") if file.is_file()
        )

    def read(self, name: str) -> bytes:
        """The content of a file."""
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise ConfigError([f"{self.place(name)} cannot be read: {error.strerror}"]) from None

    def place(self, name: str) -> str:
        """The file in messages."""
        return f"{self.folder.name}/{name}"


@dataclass(frozen=True)
class Revision:
    """The folder as git has it at a revision; the same methods."""

    folder: Path
    revision: str

    def names(self) -> list[str]:
        """Every file's path."""
        listed = self._git(
            "ls-tree", "--full-tree", "-r", "-z", "--name-only", f"{self.commit}:{self._prefix}"
        )
        return [name for name in listed.decode().split("\0") if name]

    def read(self, name: str) -> bytes:
        """The content of a file."""
        return self._git("cat-file", "blob", f"{self.commit}:{self._prefix}{name}")

    def place(self, name: str) -> str:
        """The file and the revision in messages."""
        return f"{self.folder.name}/{name} at {self.revision}"

    @cached_property
    def commit(self) -> str:
        """The commit's id: a revision that begins with a dash is no option of git."""
        arguments = "rev-parse", "--verify", "--quiet", "--end-of-options", f"{self.revision}^{{commit}}"
        return self._git(*arguments).decode().strip()

    @cached_property
    def _prefix(self) -> str:
        return self._git("rev-parse", "--show-prefix").decode().strip()

    def _git(self, *arguments: str) -> bytes:
        """The output of a command of git."""
        command = ["git", "-C", str(self.folder), *arguments]
        try:
            done = subprocess.run(command, check=True, capture_output=True, timeout=GIT_TIMEOUT)  # noqa: S603 (git itself)
        except subprocess.CalledProcessError as failed:
            reason = failed.stderr.decode(errors="replace").strip() or "there is no such revision"
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = str(error)
        else:
            return done.stdout
        raise ConfigError([f"git cannot read {self.folder.name} at {self.revision}: {reason}"])


Tree = WorkingTree | Revision


@dataclass(frozen=True)
class Interaction:
    """A request of a client and what it reads of the response.

    Args:
        description: the screen, in the client's words.
        path: of the request, without its query; a template's placeholders stand for themselves.
        status: of the response that is read; None for every success.
        content: an example of all that the client reads of the body; None for nothing.
        is_persisted: whether it sends a persisted operation of GraphQL, whose text says what is read.
    """

    description: str
    method: str
    path: str
    status: int | None
    content: Any
    is_persisted: bool = False


@dataclass(frozen=True)
class PactFile:
    """The contract of one version of a client with its provider.

    Args:
        source: the file's content.
    """

    client: str
    version: str
    provider: str
    interactions: tuple[Interaction, ...]
    source: bytes

    def __str__(self) -> str:
        return f"{self.client} {self.version}"

    @classmethod
    def parse(cls, name: str, content: bytes, place: str) -> Self:
        """The contract of a file `<client>/<version>.json`.

        Raises:
            ConfigError: it is no pact of that client.
        """
        client, version = name.removesuffix(".json").split("/")
        try:
            document = json.loads(content)
            consumer = document["consumer"]["name"]
            interactions = tuple(_interaction(each) for each in document["interactions"])
            pact = cls(client, version, document["provider"]["name"], interactions, content)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ConfigError([f"{place} is no pact: {type(error).__name__}: {error}"]) from None
        if consumer != client:
            raise ConfigError([f"{place} is a contract of {consumer}, and not of {client}"])
        if not interactions:
            raise ConfigError([f"{place} has no interactions: it proves nothing"])
        return pact


def _interaction(document: dict[str, Any]) -> Interaction:
    request, response = document["request"], document["response"]
    return Interaction(
        description=document["description"],
        method=request["method"].upper(),
        path=request["path"],
        status=response["status"],
        content=response.get("body", {}).get("content"),
        is_persisted="documentId" in (request.get("query") or {}),
    )


@dataclass(frozen=True)
class Contracts:
    """All contracts of a tree.

    Args:
        has_list: whether there is a released.toml; without one every file counts as released.
    """

    released: Released
    pacts: tuple[PactFile, ...]
    has_list: bool

    @classmethod
    def load(cls, tree: Tree) -> Self:
        """The contracts of a tree.

        Raises:
            ConfigError: with everything that cannot be read.
        """
        names = tree.names()
        errors: list[str] = []
        released = Released(())
        pacts = []
        try:
            if RELEASED in names:
                released = Released.parse(tree.read(RELEASED), tree.place(RELEASED))
        except ConfigError as error:
            errors += error.errors
        for name in filter(_is_pact, names):
            try:
                pacts.append(PactFile.parse(name, tree.read(name), tree.place(name)))
            except ConfigError as error:
                errors += error.errors
        if errors:
            raise ConfigError(errors)
        return cls(released, tuple(pacts), RELEASED in names)

    def in_field(self, today: date) -> list[PactFile]:
        """The contracts of the versions in the field that have one, in the order of released.toml."""
        found = (self.find(each.client, each.version) for each in self.released.in_field(today))
        return [pact for pact in found if pact is not None]

    def find(self, client: str, version: str) -> PactFile | None:
        """The contract of a version; None without one."""
        return next((each for each in self.pacts if (each.client, each.version) == (client, version)), None)


def _is_pact(name: str) -> bool:
    """Whether a path is `<client>/<version>.json`; what else lies in the folder has other readers."""
    client, _, file = name.partition("/")
    version = file.removesuffix(".json")
    return bool(CLIENT.fullmatch(client) and file.endswith(".json") and VERSION.fullmatch(version))


def stray_files(names: list[str], clients: frozenset[str]) -> Iterator[str]:
    """Files in a client's folder that are no contracts: a typing error must not hide one."""
    for name in names:
        client, slash, _ = name.partition("/")
        if slash and client in clients and not _is_pact(name):
            yield name
