"""The route table of a project, with the layers of its own."""

from pathlib import Path

from frontispiece.cli.project import Project
from frontispiece.gateway import own_layers
from frontispiece.gateway.config import table
from frontispiece.gateway.own_layers import NO_LAYERS, OwnLayers
from frontispiece.gateway.pipeline import POLICIES


def layers_of(project: Project) -> OwnLayers:
    """The layers that a project declares.

    Raises:
        ConfigError: a place or a class is not what it should be; every fault with file and line.
    """
    return own_layers.load(project.layers, POLICIES) if project.layers else NO_LAYERS


def load_table(project: Project | None, routes: Path) -> table.Table:
    """A route table.

    Without a project it has no layers of a project's own.

    Raises:
        ConfigError: the table, or a layer, has errors.
    """
    layers = layers_of(project) if project else NO_LAYERS
    return table.load(routes, own_layers.models(layers))
