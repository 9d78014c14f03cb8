"""Where calls are sent."""

from pydantic import model_validator

from frontispiece.gateway.config.base import ConfigModel, written_as
from frontispiece.http.paths import Template


class Target(ConfigModel):
    """Where a route leads: a service, and the path there when it differs from the public one."""

    model_config = written_as(type="string", pattern="^[^:]+(:/.*)?$")

    service: str
    path: Template | None

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, text: object) -> object:
        if not isinstance(text, str):
            raise ValueError('write "service" or "service:/path"')  # noqa: TRY004 (pydantic collects ValueErrors)
        service, colon, path = text.partition(":")
        return {"service": service, "path": Template.parse(path) if colon else None}
