"""The keys of a configuration model, as tables of Markdown."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from frontispiece.units import format_size

Schema = Mapping[str, Any]

ISO_DURATION: Final = re.compile(r"P(?:T(?P<number>[\d.]+)(?P<unit>[HMS])|(?P<days>\d+)D)")
DURATION: Final = "(ms|s|m|h|d)$"
SIZE: Final = "(B|KiB|MiB|GiB)$"


class Tables:
    """Tables of the keys of a JSON schema: one of the document, and one of each model in it.

    Args:
        schema: by pydantic.
    """

    def __init__(self, schema: Schema) -> None:
        self._models: dict[str, Schema] = {"": schema}
        self._short_forms: dict[str, list[Schema]] = {}
        """What can be written in place of a model's keys."""
        for name, model in schema.get("$defs", {}).items():
            choices = model.get("anyOf", [model])
            self._models[name] = next((each for each in choices if "properties" in each), model)
            self._short_forms[name] = [each for each in choices if each is not self._models[name]]
        self._places: dict[str, list[str]] = {"": []}
        """Where each model is written, in the order of the document."""
        waiting = [""]
        for name in waiting:
            prefix = self._places[name][0] + "." if name else ""
            for key, about in self._models[name]["properties"].items():
                for model, inside in self._references(about):
                    if model not in self._places:
                        waiting.append(model)
                    self._places.setdefault(model, []).append(f"{prefix}{key}{inside}")

    def __str__(self) -> str:
        return "\n".join(self._section(name, places) for name, places in self._places.items())

    def undocumented(self) -> list[str]:
        """The keys that say nothing about themselves, as `Model.key`."""
        return [
            f"{name}.{key}"
            for name in self._places
            for key, about in self._models[name]["properties"].items()
            if not about.get("description")
        ]

    def _section(self, name: str, places: list[str]) -> str:
        model = self._models[name]
        heading = f"## `{places[0]}` {{ #{name.lower()} }}\n\n" if places else ""
        also = f" Also as {', '.join(f'`{place}`' for place in places[1:])}." if places[1:] else ""
        about = model.get("description", "").split("\n\n")[0]
        table = "\n".join(("| key | value | default | what it is |", "|---|---|---|---|", *self._rows(model)))
        return f"{heading}{about}{also}\n\n{table}\n"

    def _references(self, about: object, inside: str = "") -> Iterator[tuple[str, str]]:
        """The models in a value, each with what stands between the key and its own keys."""
        match about:
            case {"$ref": str(ref)}:
                name = ref.rpartition("/")[2]
                if self._models[name].get("properties"):
                    yield name, inside
                else:
                    yield from self._references(self._models[name], inside)
            case {"anyOf": list(choices)} | {"oneOf": list(choices)}:
                for choice in choices:
                    yield from self._references(choice, inside)
            case {"type": "array", "items": values}:
                yield from self._references(values, f"{inside}[]")
            case {"type": "object", "additionalProperties": dict(values)}:
                yield from self._references(values, f"{inside}.NAME")
            case {"type": "object", "patternProperties": dict(patterns)}:
                for values in patterns.values():
                    yield from self._references(values, f"{inside}.NAME")

    def _rows(self, model: Schema) -> Iterator[str]:
        required = model.get("required", ())
        for key, about in model.get("properties", {}).items():
            models = [*self._references(about)]
            default = "required" if key in required else "" if models else _code(_default(about))
            cells = (f"`{key}`", self._kind(about), default, about.get("description", ""))
            yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    def _kind(self, about: Schema) -> str:
        """What can be written for a key."""
        match about:
            case {"$ref": str(ref)}:
                kind = self._reference(ref.rpartition("/")[2])
            case {"anyOf": list(choices)} | {"oneOf": list(choices)}:
                kinds = [self._kind(each) for each in choices if each.get("type") != "null"]
                kind = " or ".join(dict.fromkeys(kinds))
            case {"enum": list(values)}:
                kind = ", ".join(map(_code, values))
            case {"const": value}:
                kind = _code(value)
            case {"type": "array", **more}:
                kind = f"list of {self._kind(more.get('items', {}))}"
            case {"type": "object", "additionalProperties": dict(values)}:
                kind = f"table of {self._kind(values)}"
            case {"type": "object", "patternProperties": dict(patterns)}:
                kind = f"table of {' or '.join(map(self._kind, patterns.values()))}"
            case {"type": "string", "pattern": str(pattern)} if pattern.endswith((DURATION, SIZE)):
                kind = "duration" if pattern.endswith(DURATION) else "size"
            case _:
                kind = str(about.get("type", "any"))
        return kind

    def _reference(self, name: str) -> str:
        model = self._models[name]
        if not model.get("properties"):
            return "table" if model.get("type") == "object" else self._kind(model)
        return " or ".join([*map(self._kind, self._short_forms[name]), f"[table](#{name.lower()})"])


def _default(about: Schema) -> object:
    default = about.get("default")
    if isinstance(default, str) and (match := ISO_DURATION.fullmatch(default)):
        return f"{match['days']}d" if match["days"] else f"{match['number']}{match['unit'].lower()}"
    if default and SIZE in json.dumps(about).replace("\\\\", "\\"):
        return format_size(default).replace(" ", "")
    return default


def _code(value: object) -> str:
    if value is None or value in ({}, []):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
