"""Settings: frozen, read from the environment, checked whole at start.

Every role (a service, a BFF, the gateway) has one class that inherits `Settings` and names its prefix.
The same variables set up the embedded run and production: only their values differ.
"""

import re
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from kit.faults import Faulty

SECRETS = Path("/run/secrets")

_PUBLIC_KEY = re.compile(r"[A-Za-z0-9_-]{43}")


class Settings(BaseSettings):
    """What all settings have in common: keyword-only, frozen; a secret may be a file in `/run/secrets`.

    Raises:
        Faulty: settings that cannot work, nested ones too, by the names of their variables.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", secrets_dir=SECRETS if SECRETS.is_dir() else None
    )

    def __init__(self, **given: Any) -> None:
        faults: list[str] = []
        for name, part in self._parts().items():
            if name not in given:
                try:
                    given[name] = part()
                except Faulty as faulty:
                    faults += faulty.faults
                    given[name] = part.model_construct()  # so that the other faults are found as well
        try:
            super().__init__(**given)
        except ValidationError as invalid:
            prefix = self.model_config.get("env_prefix", "")
            for error in invalid.errors():
                variable = prefix + "_".join(map(str, error["loc"]))
                faults.append(f"{variable.upper()}: {error['msg']}")
        except SettingsError as fault:
            faults.append(f"{fault}: {fault.__cause__}")
        if faults:
            raise Faulty(faults)

    @classmethod
    def _parts(cls) -> dict[str, type["Settings"]]:
        """The settings within these, by field."""
        fields = {name: field.annotation for name, field in cls.model_fields.items()}
        return {
            n: part for n, part in fields.items() if isinstance(part, type) and issubclass(part, Settings)
        }


class TokenSettings(Settings):
    """Whose internal tokens are believed."""

    model_config = SettingsConfigDict(env_prefix="TOKEN_")

    issuers: dict[str, list[str]] = Field(
        description='The Ed25519 public keys of each caller, as JSON: {"gateway": ["11q…"], "bff-web": […]}, '
        "each 32 bytes in base64url. A caller that changes its key has two for a while.",
    )

    @field_validator("issuers")
    @classmethod
    def _of_keys(cls, issuers: dict[str, list[str]]) -> dict[str, list[str]]:
        for issuer, keys in issuers.items():
            if not all(map(_PUBLIC_KEY.fullmatch, keys)):
                raise ValueError(f"{issuer} has a key that is not 32 bytes in base64url")
        return issuers


class Directory(Settings):
    """Where the services are: the static registry behind `registry://name`."""

    services: dict[str, str] = Field(
        default_factory=dict,
        description='Addresses by service name, as JSON: {"catalog": "http://catalog:8000", …}. '
        "`app://module:factory` mounts an ASGI app in the same process. Several addresses of one service "
        "have commas between them.",
    )

    def addresses(self, name: str) -> tuple[str, ...]:
        """The addresses of a service, one or several.

        Raises:
            LookupError: the registry does not know the name.
        """
        return tuple(address.strip() for address in self._value(name).split(","))

    def address(self, name: str) -> str:
        """The only address of a service, for those who do not balance.

        Raises:
            LookupError: the registry does not know the name, or several addresses of it.
        """
        first, *more = self.addresses(name)
        if more:
            raise LookupError(f"SERVICES names several addresses for {name!r}: here it can have only one")
        return first

    def _value(self, name: str) -> str:
        try:
            return self.services[name]
        except KeyError:
            raise LookupError(f"SERVICES names no address for {name!r}") from None
