"""The broker of a project, and what goes on there."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from frontispiece.cli.project import Project
from frontispiece.cli.run.nats import NAME, read_addresses
from frontispiece.errors import ConfigError
from frontispiece.events.broker import BROKER_ERRORS, BrokerUnavailable, Connection, connected
from frontispiece.events.streams import StreamNames
from frontispiece.extras import extra
from frontispiece.settings import value_of

with extra("events"):
    from nats.js import JetStreamContext
    from nats.js.api import ConsumerInfo
    from nats.js.errors import NotFoundError

NAME_AT_BROKER: Final = "front"


def find_broker(project: Project, data: Path) -> tuple[str, str]:
    """The URL of a project's broker, by `EVENTS_URL` or of the run on this data folder; and its prefix.

    Raises:
        ConfigError: there is none, or the project has no `EVENTS_PREFIX`.
    """
    prefix = value_of("EVENTS_PREFIX") or project.environment.get("EVENTS_PREFIX")
    if not prefix:
        raise ConfigError(["The project has no events: EVENTS_PREFIX is neither set nor in [environment]."])
    if url := value_of("EVENTS_URL"):
        return url, prefix
    if (embedded := read_addresses(data / NAME.lower())) is None:
        raise ConfigError(
            [f"No broker runs on {data}: start the project with front up, or name --data or EVENTS_URL."]
        )
    return embedded.url, prefix


@asynccontextmanager
async def open_broker(url: str) -> AsyncIterator[Connection]:
    """A connection to the broker.

    Raises:
        ConfigError: it is away.
    """
    try:
        async with connected(url, NAME_AT_BROKER) as connection:
            yield connection
    except BrokerUnavailable as error:
        raise ConfigError([f"The broker cannot be reached: {error}. Is the project running?"]) from error
    except BROKER_ERRORS as error:
        raise ConfigError([f"The broker failed: {error}"]) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A message as it is published.

    Args:
        attributes: of the CloudEvent; empty when it is none.
    """

    broker_subject: str
    attributes: Mapping[str, Any]
    body: bytes

    def __getitem__(self, attribute: str) -> str:
        """An attribute in words; empty without it."""
        return str(self.attributes.get(attribute, ""))

    def matches(self, type_: str | None, subject: str | None) -> bool:
        """Whether it is of this type, or of one that ends so, and about this aggregate."""
        name = self["type"]
        is_type = type_ is None or name == type_ or name.endswith(f".{type_}")
        return is_type and subject in {None, self["subject"]}

    @property
    def content(self) -> str:
        """The data in JSON; of a message that is no CloudEvent, its body."""
        if "data" not in self.attributes:
            return repr(self.body)
        return msgspec.json.encode(self.attributes["data"]).decode()


def read(broker_subject: str, body: bytes) -> Published:
    """A message, be it a CloudEvent or not."""
    try:
        attributes = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        attributes = None
    return Published(
        broker_subject=broker_subject,
        attributes=attributes if isinstance(attributes, dict) else {},
        body=body,
    )


async def subscribe(connection: Connection, prefix: str) -> AsyncIterator[Published]:
    """Every message that is published from now on; the subscription is there when this returns.

    Raises:
        BrokerUnavailable: from the iterator, when the broker goes away.
    """
    subscription = await connection.client.subscribe(f"{prefix}.>")
    await connection.client.flush()

    async def messages() -> AsyncIterator[Published]:
        async for message in subscription.messages:
            yield read(message.subject, message.data)
        raise BrokerUnavailable("it went away")

    return messages()


async def consumers(streams: JetStreamContext, prefix: str) -> AsyncIterator[ConsumerInfo]:
    """The consumers of all services, in both streams: how far each is behind."""
    names = StreamNames.of(prefix)
    for stream in (names.events, names.commands):
        with suppress(NotFoundError):  # no service has declared it yet
            for info in await streams.consumers_info(stream):
                yield info
