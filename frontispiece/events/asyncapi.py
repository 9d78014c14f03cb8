"""The AsyncAPI 3 document of a project's services, made of the classes of data that each declares."""

from typing import Any, Final

import msgspec

from frontispiece.events.contracts import Declared, Message, messages
from frontispiece.events.envelope import SCHEMA, CloudEvent, broker_subject

SCHEMAS: Final = "#/components/schemas/"


def document(title: str, declared: Declared) -> dict[str, Any]:
    """The document: a channel for each type, and what each service sends and receives there."""
    known = messages(declared)
    _, schemas = msgspec.json.schema_components(
        [CloudEvent, *(message.data for message in known)], ref_template=f"{SCHEMAS}{{name}}"
    )
    operations = [operation for message in known for operation in _operations(message)]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": "1"},
        "defaultContentType": "application/cloudevents+json",
        "channels": {message.data.TYPE: _channel(message) for message in known},
        "operations": dict(sorted(operations)),
        "components": {
            "messages": {message.data.TYPE: _message(message, schemas) for message in known},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _channel(message: Message) -> dict[str, Any]:
    name = message.data.TYPE
    kind = "work queue: one copy of its service takes each" if message.is_command else "publish/subscribe"
    return {
        "address": broker_subject(message.data),
        "description": kind,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }


def _operations(message: Message) -> list[tuple[str, dict[str, Any]]]:
    """The operations of its owner and the other services on a message, by a name for each."""
    by_owner, by_others = ("receive", "send") if message.is_command else ("send", "receive")
    actions = [(message.owner, by_owner), *((service, by_others) for service in message.others)]
    if message.is_command and not message.others:
        actions.append((message.owner, by_others))  # it fills its own work queue
    name = message.data.TYPE
    channel = f"#/channels/{name}"
    return [
        (
            f"{service}.{action}.{name}",
            {
                "action": action,
                "channel": {"$ref": channel},
                "messages": [{"$ref": f"{channel}/messages/{name}"}],
                "tags": [{"name": service}],
            },
        )
        for service, action in actions
    ]


def _message(message: Message, schemas: dict[str, Any]) -> dict[str, Any]:
    data = message.data
    schema = _schema_name(data, schemas)
    constants = {
        "type": {"const": data.TYPE},
        "dataschema": {"const": f"{SCHEMA}{data.TYPE}:{data.VERSION}"},
        "data": {"$ref": f"{SCHEMAS}{schema}"},
    }
    return {
        "name": data.TYPE,
        "title": data.__name__,
        "summary": schemas[schema].get("description", ""),
        "payload": {"allOf": [{"$ref": f"{SCHEMAS}{CloudEvent.__name__}"}, {"properties": constants}]},
    }


def _schema_name(data: type, schemas: dict[str, Any]) -> str:
    """The name under which a class stands in the schemas."""
    (reference,), _ = msgspec.json.schema_components([data], ref_template="{name}")
    name: str = reference["$ref"]
    return name if name in schemas else f"{data.__module__}.{data.__qualname__}"  # another has that name, too
