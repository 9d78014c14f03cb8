"""The permissions of services at a NATS server, by the classes of data that each declares."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from typing import Final

from frontispiece.events.contracts import Declared, messages
from frontispiece.events.envelope import broker_subject
from frontispiece.events.streams import PARKED, StreamNames

HEAD: Final = "# What each service may publish and subscribe to, made of its code: see docs/deploy.md.\n"


def permissions(
    declared: Declared, prefix: str, consumers: Mapping[str, Sequence[str]], maps: Sequence[str], creator: str
) -> str:
    """The permissions as NATS configuration: a variable named as the service for each.

    A service publishes its own facts, sends the commands that it declares, and consumes by its own names from
    the streams of which it declares something; it deletes nothing. One service creates and changes streams:
    who may do that can let a stream copy messages from and to all others.

    `consumers` are the names of a service's consumers where they are not its own name, `maps` the services
    with a map of shards, which create its bucket. `creator` creates the streams; the others wait for it.
    """
    published, consumed = _used(declared, prefix)
    return HEAD + "".join(
        _variable(
            service,
            [
                *sorted(published[service]),
                *_of_streams(*astuple(StreamNames.of(prefix)), creates=service == creator),
                *_of_consumers(consumers.get(service, [service]), prefix, sorted(consumed[service])),
                *(_of_map(service, prefix) if service in maps else ()),
            ],
            [f"_INBOX.{name}.>" for name in consumers.get(service, [service])],
        )
        for service in sorted(published.keys() | consumed.keys())
    )


def _used(declared: Declared, prefix: str) -> tuple[defaultdict[str, set[str]], defaultdict[str, set[str]]]:
    """The subjects to which each service publishes, and the streams from which it consumes."""
    published, consumed = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    streams = StreamNames.of(prefix)
    for message in messages(declared):
        subject = broker_subject(message.data)
        if message.is_command:
            consumed[message.owner].add(streams.commands)
            for sender in message.others or [message.owner]:  # else it fills its own work queue
                published[sender].add(subject)
        else:
            published[message.owner].add(subject)
            for consumer in message.others:
                consumed[consumer].add(streams.events)
    return published, consumed


def _of_consumers(names: Sequence[str], prefix: str, streams: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield f"{prefix}.{PARKED}.{name}.*"
        for stream in streams:
            for operation in ("DURABLE.CREATE", "INFO", "MSG.NEXT"):
                yield f"$JS.API.CONSUMER.{operation}.{stream}.{name}"
            yield f"$JS.ACK.{stream}.{name}.>"


def _of_streams(*names: str, creates: bool) -> Iterator[str]:
    """The subjects of requests that declare these streams, or find them."""
    for name in names:
        for operation in ("INFO", "CREATE", "UPDATE") if creates else ("INFO",):
            yield f"$JS.API.STREAM.{operation}.{name}"


def _of_map(service: str, prefix: str) -> Iterator[str]:
    """The subjects for a service that publishes and follows the map of its shards."""
    bucket = f"{prefix}_shards"
    yield from _of_streams(f"KV_{bucket}", creates=True)
    yield f"$KV.{bucket}.{service}.map"
    for operation in ("STREAM.MSG.GET", "CONSUMER.CREATE"):
        yield f"$JS.API.{operation}.KV_{bucket}"


def _variable(service: str, publish: Sequence[str], subscribe: Sequence[str]) -> str:
    lines = [f"  publish: [{_quoted(publish)}]", f"  subscribe: [{_quoted(subscribe)}]"]
    return "\n".join([f"{service}: {{", *lines, "}\n"])


def _quoted(subjects: Sequence[str]) -> str:
    return ", ".join(f"'{subject}'" for subject in subjects)
