"""Route tables for tests: `route_table(route("/things/{id}", cache={"ttl": "1m"}))` is a TOML document."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from frontispiece.errors import ConfigError
from frontispiece.gateway.config.table import Table, parse

Json = Any
Services = Mapping[str, str | Mapping[str, Any] | None]


def route(
    path: str | None = "/a",
    more: str = "",
    *,
    to: str | None = "things",
    auth: str | None = "none",
    **keys: Any,
) -> Json:
    """One of `[[routes]]`; `more` is TOML, too. A key that is None is left out, and `to` beside `parts`."""
    target = None if "parts" in keys else to
    return {"path": path, "to": target, "auth": auth, **keys, **tomllib.loads(more)}


def part(source: str, **keys: Any) -> Json:
    """One of a route's `parts`, from a target or `part.field` of another one."""
    return {"from": source, **keys}


def route_table(*routes: Json, services: Services | None = None, **sections: Any) -> str:
    """A table as TOML text.

    Args:
        routes: what `route` gives.
        services: addresses or sections of services by name; a service that is only the target of a route
            is at `registry://<name>`, and so is one without a `url`; one that is None is not in the table.
        sections: other sections and keys of the table, as `session={"scopes": [...]}`.
    """
    known: Services = {name: {} for name in _targets([routes, sections])} | dict(services or {})
    lines = [f"{name} = {_value(value)}" for name, value in sections.items() if not isinstance(value, dict)]
    lines += ["", "[services]"]
    for name, service in known.items():
        if service is None:
            continue
        keys = {"url": service} if isinstance(service, str) else {"url": f"registry://{name}", **service}
        lines.append(f"{_key(name)} = {_value(keys)}")
    for name, value in sections.items():
        if isinstance(value, dict):
            lines += ["", f"[{name}]", *_pairs(value)]
    for each in routes:
        lines += ["", "[[routes]]", *_pairs(each)]
    return "\n".join([*lines, ""])


def parsed(*routes: Json, services: Services | None = None, **sections: Any) -> Table:
    """The same, parsed."""
    return parse(route_table(*routes, services=services, **sections))


def errors_of(*routes: Json, services: Services | None = None, **sections: Any) -> list[str]:
    """Why such a table is refused, which it has to be."""
    return errors_in(route_table(*routes, services=services, **sections))


def errors_in(text: str) -> list[str]:
    """Why this text is refused as a table, which it has to be."""
    with pytest.raises(ConfigError) as refusal:
        parse(text)
    return refusal.value.errors


def _targets(value: Any) -> Iterator[str]:
    """The names of services that targets in this value have."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in {"to", "from"} and isinstance(item, str):
                yield re.split("[:/]", item.removeprefix("grpc://"))[0]
            elif key == "guest_merge":
                yield from (target.partition(":")[0] for target in item)
            else:
                yield from _targets(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _targets(item)


def _pairs(keys: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in keys.items() if value is not None]


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_pairs(value))} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else json.dumps(key)
