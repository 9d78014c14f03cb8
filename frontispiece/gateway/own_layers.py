"""The layers of a project's own among the gateway's policies."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from frontispiece.errors import ConfigError, in_words, nearest
from frontispiece.factories import attribute
from frontispiece.gateway.call import Layer
from frontispiece.gateway.config.layers import LayerDeclaration, LayerName, RouteLayer
from frontispiece.gateway.config.source import Lines, Loc, read
from frontispiece.settings import PROJECT_FILE, nearest_project

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.pipeline import Policy
    from frontispiece.gateway.resources import TableResources

SECTION: Final = ("gateway", "layers")
"""Where a project's file declares layers."""

_DECLARATIONS: Final = TypeAdapter(dict[LayerName, LayerDeclaration])


class OwnLayer(NamedTuple):
    """A layer's declaration, and its class."""

    declaration: LayerDeclaration
    model: type[RouteLayer]


OwnLayers = Mapping[str, OwnLayer]
"""The layers of a project, by their names."""

NO_LAYERS: Final[OwnLayers] = MappingProxyType({})


def load(file: Path, policies: Collection[str]) -> OwnLayers:
    """The layers that the sections `[gateway.layers.NAME]` of a TOML file declare.

    Raises:
        ConfigError: every fault, with file and line.
    """
    text, document = read(file, "GATEWAY_LAYERS names the file that declares layers")
    lines = Lines(text)

    def sentence(loc: Loc, message: str) -> str:
        line = lines.of(loc)
        return f"{file}{f':{line}' if line else ''}: {'.'.join(map(str, loc))}: {message}"

    gateway = document.get("gateway")
    written = gateway.get("layers", {}) if isinstance(gateway, dict) else {}
    try:
        declared = _DECLARATIONS.validate_python(written)
    except ValidationError as invalid:
        raise ConfigError(
            [sentence((*SECTION, *_keys(error["loc"])), _message(error)) for error in invalid.errors()]
        ) from None
    layers: dict[str, OwnLayer] = {}
    faults = []
    for name, declaration in declared.items():
        found = list(_faults(declaration, policies))
        faults += [sentence((*SECTION, name, key), message) for key, message in found]
        if not found:
            layers[name] = OwnLayer(declaration, attribute(declaration.factory))
    if faults:
        raise ConfigError(faults)
    return MappingProxyType(layers)


def of_table(routes: Path, policies: Collection[str]) -> OwnLayers:
    """The layers of the project that a route table's file is in; none where it is in no project.

    Raises:
        ConfigError: see `load`.
    """
    folder = nearest_project(routes.resolve().parent)
    return load(folder / PROJECT_FILE, policies) if folder else NO_LAYERS


def models(layers: OwnLayers) -> dict[str, type[RouteLayer]]:
    """The classes of layers, by name: what routes may write in `layers`."""
    return {name: layer.model for name, layer in layers.items()}


def placed(policies: "Mapping[str, Policy]", layers: OwnLayers) -> "Iterator[tuple[str, Policy]]":
    """The policies in order, with the layers at their places: several at one place as they are declared."""
    for policy, of_policy in policies.items():
        own = {name: each.declaration for name, each in layers.items() if each.declaration.policy == policy}
        yield from ((name, _policy(name)) for name, each in own.items() if each.before)
        yield policy, of_policy
        yield from ((name, _policy(name)) for name, each in own.items() if each.after)


def _policy(name: str) -> "Policy":
    """The layer with this name, of routes that have it."""

    def for_route(route: "Route", _resources: "TableResources") -> Iterator[Layer]:
        layer: RouteLayer | None = getattr(route.layers, name, None)
        if layer is not None:
            yield layer.wrap

    return for_route


def _faults(declaration: LayerDeclaration, policies: Collection[str]) -> Iterator[tuple[str, str]]:
    """The key at fault, and what is wrong with it."""
    policy = declaration.policy
    if policy not in policies:
        hint = nearest(policy, policies) or f": the policies are {', '.join(policies)}"
        yield "before" if declaration.before else "after", f"{policy!r} is no policy{hint}"
    try:
        found = attribute(declaration.factory)
    except ConfigError as error:
        yield "factory", str(error)
        return
    if not (isinstance(found, type) and issubclass(found, RouteLayer)):
        yield "factory", f"{declaration.factory} is no subclass of frontispiece.gateway.RouteLayer: name one"


def _keys(loc: Loc) -> Loc:
    """The keys of a fault; pydantic adds one to a fault of a name."""
    return loc[:-1] if loc[-1:] == ("[key]",) else loc


def _message(error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return f"unknown key{nearest(str(error['loc'][-1]), LayerDeclaration.model_fields)}"
    return in_words(error)
