"""The section `[docs]`: whether the public surface is described to the public."""

from typing import Annotated

from pydantic import Field

from frontispiece.gateway.config.base import ConfigModel, non_empty
from frontispiece.gateway.config.route import Auth


class Docs(ConfigModel):
    """`/docs` and `/openapi.json`, which are there when the table has this section."""

    title: str = Field("API", min_length=1, description="The title of the document.")
    auth: Annotated[tuple[Auth, ...], non_empty()] = Field(
        (Auth.NONE,),
        description="The routes with this `auth` are described; of others not even the paths appear.",
    )


IN_DEVELOPMENT = Docs(auth=tuple(Auth))
"""Of a table without the section, with `GATEWAY_DOCS`."""
