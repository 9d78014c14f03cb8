"""Which versions of the shop's clients are served: `client_versions.toml`."""

import tomllib
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from frontispiece.errors import ConfigError
from frontispiece.http import Version

FILE: Final = Path(__file__).with_suffix(".toml")


def _version(written: object) -> object:
    return Version.parse(written) if isinstance(written, str) else written


VersionText = Annotated[Version, BeforeValidator(_version)]
"""A version, written as `"1.3.0"`."""


class SupportedVersions(BaseModel):
    """The versions of one client.

    Args:
        minimum: older ones are refused.
        latest: the newest that is released.
        update: what users of a version that is too old can do.
        deprecated_below: older ones are told that they will be refused.
        deprecated_since: when that was decided.
        sunset: when they are to be refused.
        flags: what the client turns on and off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    minimum: VersionText
    latest: VersionText
    update: str
    deprecated_below: VersionText | None = None
    deprecated_since: AwareDatetime | None = None
    sunset: AwareDatetime | None = None
    flags: dict[str, bool] = {}

    @model_validator(mode="after")
    def _are_in_order(self) -> Self:
        if not self.minimum <= (self.deprecated_below or self.latest) <= self.latest:
            raise ValueError("minimum, deprecated_below and latest are in this order")
        if (self.deprecated_below is None) != (self.deprecated_since is None):
            raise ValueError("deprecated_below and deprecated_since go together")
        if self.sunset and not (self.deprecated_since and self.deprecated_since <= self.sunset):
            raise ValueError("sunset comes after deprecated_since")
        return self


_FILE: Final = TypeAdapter(dict[str, SupportedVersions])


def supported_versions(file: Path | None = None) -> dict[str, SupportedVersions]:
    """The versions of each client, as the file says now; the shop's unless another one is named.

    Raises:
        ConfigError: the file cannot be read, or is not as it should be.
    """
    file = file or FILE
    try:
        return _FILE.validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as invalid:
        faults = [
            f"{'.'.join(map(str, error['loc']))}: {error['msg'].removeprefix('Value error, ')}"
            for error in invalid.errors()
        ]
        raise ConfigError([f"{file.name}: {fault}" for fault in faults]) from None
    except (OSError, ValueError) as error:
        raise ConfigError([f"{file} cannot be read: {error}"]) from None
