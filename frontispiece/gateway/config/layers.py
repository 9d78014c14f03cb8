"""Layers of a project's own: how they are declared, and what their classes have in common."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from frontispiece.gateway.config.base import ConfigModel
from frontispiece.units import Matches

if TYPE_CHECKING:
    from frontispiece.gateway.call import Handler


def _free(name: str) -> str:
    if hasattr(BaseModel, name):
        raise ValueError(f"{name!r} has another meaning in a model: choose another name")
    return name


LayerName = Annotated[
    str,
    Matches(r"[a-z][a-z0-9_]*", "name: small letters, digits and _, a letter first"),
    AfterValidator(_free),
]
"""The name of a layer: its key in `layers` of a route."""


class LayerDeclaration(ConfigModel):
    """One section `[gateway.layers.NAME]`: the class of a layer, and its place in the order."""

    factory: Annotated[str, Matches(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", "module:Class")] = Field(
        description="`module:Class` of a `frontispiece.gateway.RouteLayer`.",
    )
    after: str | None = Field(None, description="The policy that it comes after, such as `auth`.")
    before: str | None = Field(None, description="Instead of `after`: the policy that it comes before.")

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.after is None) == (self.before is None):
            raise ValueError("its place is one of after and before, and a policy's name")
        return self

    @property
    def policy(self) -> str:
        """The policy that it stands directly before or after."""
        return self.before or self.after or ""


class RouteLayer(ConfigModel, ABC):
    """A layer of a project's own; its fields are the keys that a route may write in `layers.NAME`.

    ```python
    class Maintenance(RouteLayer):
        until: AwareDatetime

        def wrap(self, inner: Handler) -> Handler:
            async def handle(call: Call) -> Reply:
                if datetime.now(UTC) < self.until:
                    raise Problem(503, "maintenance", "This is back soon.")
                return await inner(call)

            return handle
    ```
    """

    @abstractmethod
    def wrap(self, inner: "Handler") -> "Handler":
        """The handler with this layer around it: called once for a route, whenever its chain is made."""


class Layers(ConfigModel):
    """The key `layers` of a route: it has a field for each layer that the project declares."""

    model_config = ConfigDict(protected_namespaces=())
