"""Settings: frozen, read from the environment, checked whole at start.

Stability: stable.

Every app has one class that inherits `Settings` and sets its prefix. The embedded run and production have the
same variables with other values.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from frontispiece.errors import ConfigError, in_words, nearest
from frontispiece.units import Matches

__all__ = ["Directory", "RegistrySettings", "Settings", "TokenGrant", "TokenSettings", "TrustedIssuer"]

SECRETS = Path("/run/secrets")

PROJECT_FILE: Final = "frontispiece.toml"
"""The file that says what a project has, in its folder."""

EVERYTHING: Final = "*"

_PUBLIC_KEY = re.compile(r"[A-Za-z0-9_-]{43}")


def value_of(variable: str) -> str:
    """The value of a variable: of the environment, else of its file in `/run/secrets`; empty without one.

    Raises:
        ConfigError: the file cannot be read.
    """
    return os.environ.get(variable) or secret_of(variable)


def secret_of(variable: str) -> str:
    """The content of a variable's file in `/run/secrets`; empty without one.

    Raises:
        ConfigError: it cannot be read.
    """
    file = SECRETS / variable.lower()
    try:
        return file.read_text("utf-8").strip() if file.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{variable}: the file {file} cannot be read: {error}"]) from error


class _Variables(EnvSettingsSource):
    """Variables of the environment, and files in `/run/secrets` for those that are not set, or empty.

    None is read for nested settings, whatever their fields are called: each part reads its own.
    """

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The text of a field, its key, and whether it is JSON."""
        value, key, is_complex = super().get_field_value(field, field_name)
        return value or secret_of(f"{self.env_prefix}{field_name}".upper()) or value, key, is_complex

    def prepare_field_value(
        self,
        field_name: str,
        field: FieldInfo,
        value: Any,
        value_is_complex: bool,  # noqa: FBT001 (pydantic's)
    ) -> Any:
        """The decoded value of a field; None for a part."""
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            return None
        try:
            return super().prepare_field_value(field_name, field, value, value_is_complex)
        except ValueError as error:
            raise SettingsError(
                f"{self.env_prefix}{field_name}".upper() + f": this is no JSON ({error}): {_form(field)}"
            ) from error


def _form(field: FieldInfo) -> str:
    """How the value of a variable in JSON is written."""
    return 'write {"NAME": …}' if get_origin(field.annotation) is dict else 'write ["…"]'


class Settings(BaseSettings):
    """The base of all settings: keyword-only, frozen; a secret may be a file in `/run/secrets`.

    Raises:
        ConfigError: the invalid settings, nested ones too, by the names of their variables.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    def __init__(self, **values: Any) -> None:
        errors: list[str] = []
        for name, part in self._parts().items():
            if name not in values:
                try:
                    values[name] = part()
                except ConfigError as invalid_part:
                    errors += invalid_part.errors
                    values[name] = part.model_construct()  # so that the other errors are found as well
        try:  # not pydantic-settings' own way, which reads the environment for each kind of source
            BaseModel.__init__(self, **self.read_variables() | values)
        except ValidationError as invalid:
            prefix = self.model_config.get("env_prefix", "")
            for error in invalid.errors():
                variable = prefix + "_".join(map(str, error["loc"]))
                errors.append(f"{variable.upper()}: {in_words(error)}")
        except SettingsError as error:
            errors.append(str(error.__cause__ or error))
        if errors:
            raise ConfigError(errors)

    @classmethod
    def read_variables(cls) -> dict[str, Any]:
        """The values that the environment and secret files give, by field.

        Raises:
            SettingsError: a value is no JSON, or a file cannot be read.
        """
        return _Variables(cls)()

    @classmethod
    def variables(cls) -> Iterator[tuple[str, FieldInfo]]:
        """All variables by name with what they set, those of nested settings too."""
        parts = cls._parts()
        prefix = cls.model_config.get("env_prefix", "")
        for name, field in cls.model_fields.items():
            if name in parts:
                yield from parts[name].variables()
            else:
                yield f"{prefix}{name}".upper(), field

    @classmethod
    def _parts(cls) -> dict[str, type["Settings"]]:
        """Nested settings, by field."""
        fields = {name: field.annotation for name, field in cls.model_fields.items()}
        return {
            n: part for n, part in fields.items() if isinstance(part, type) and issubclass(part, Settings)
        }


def _public_key(key: str) -> str:
    if not _PUBLIC_KEY.fullmatch(key):
        raise ValueError("is not 32 bytes in base64url")
    return key


class TokenGrant(BaseModel):
    """What the internal tokens of a program may say; `*` stands for everything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    audiences: tuple[str, ...] = Field((EVERYTHING,), description="The services that it may call.")
    scopes: tuple[str, ...] = Field(
        (EVERYTHING,), description="The scopes that it may pass on; others of its tokens do not count."
    )
    users: tuple[str, ...] = Field((EVERYTHING,), description="The users that it may act for, by `sub`.")
    guests: bool = Field(True, description="Whether it may act for guests.")
    merges_guests: bool = Field(
        True, description="Whether it may also merge a guest's data into a user's, as the gateway does."
    )


class TrustedIssuer(TokenGrant):
    """A program that signs internal tokens, and what these may say."""

    keys: tuple[Annotated[str, AfterValidator(_public_key)], ...] = Field(
        description="Its Ed25519 public keys, each 32 bytes in base64url."
    )


def grants(granted: tuple[str, ...], value: str) -> bool:
    """Whether a list of a `TokenGrant` holds this value."""
    return value in granted or EVERYTHING in granted


class TokenSettings(Settings):
    """The callers whose internal tokens are accepted, and what these may say."""

    model_config = SettingsConfigDict(env_prefix="TOKEN_")

    issuers: dict[str, TrustedIssuer] = Field(
        description="The callers whose tokens are accepted, with their Ed25519 public keys and what their "
        'tokens may say, as JSON: {"bff-web": {"keys": ["11q…"], "audiences": ["things", …], '
        '"scopes": ["things:read"], "users": ["*"], "guests": true, "merges_guests": false}, …}. What is '
        'left out is everything; {"gateway": ["11q…"]}, a list of keys alone, grants everything. A caller '
        "that changes its key has two for a while.",
    )

    @field_validator("issuers", mode="before")
    @classmethod
    def _of_keys(cls, issuers: Any) -> Any:
        if not isinstance(issuers, Mapping):
            return issuers
        return {name: {"keys": keys} if isinstance(keys, list) else keys for name, keys in issuers.items()}


class RegistrySettings(Settings):
    """The registry behind `registry://name`, and what an app that it starts says of itself there."""

    model_config = SettingsConfigDict(env_prefix="REGISTRY_")

    url: str = Field(
        "",
        description="The NATS server that has the registry: `nats://user:password@host:4222`, several with "
        "commas between them. Without it, or with `off`, `SERVICES` has all addresses.",
    )
    zone: str = Field("", description="Where this process runs: calls stay there while the zone is well.")
    version: Annotated[str, Matches(r"[A-Za-z0-9._-]*", "version: letters, digits, ., _ and -")] = Field(
        "", description="The version of the app's code."
    )
    weight: float = Field(
        1.0,
        ge=0,
        description="The app's share of the calls, in proportion to that of other instances; with 0 it gets "
        "only those that name its version.",
    )
    address: Annotated[
        str,
        Matches(
            r"(https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[1-9]\d{0,4})?)?",
            "http://host:port",
        ),
    ] = Field(
        "",
        description="`http://host:port` by which others reach the app; its socket says it when left out.",
    )
    drain_delay: float = Field(
        1.0,
        ge=0,
        description="Seconds that an app which stops still accepts calls once it has left the registry.",
    )

    @field_validator("url")
    @classmethod
    def _off_as_none(cls, url: str) -> str:
        return "" if url == "off" else url

    @field_validator("address")
    @classmethod
    def _is_address(cls, address: str) -> str:
        urlsplit(address).port  # noqa: B018 (which raises where it is out of range)
        return address


class Directory(Settings):
    """The addresses of services, for `registry://name`."""

    services: dict[str, str] = Field(
        default_factory=dict,
        description='Addresses by service name, as JSON: {"things": "http://things:8000", …}. '
        "`app://module:factory` mounts an ASGI app in the same process. Several addresses of one service "
        "have commas between them.",
    )
    registry: RegistrySettings = Field(default_factory=RegistrySettings)

    def addresses(self, name: str) -> tuple[str, ...]:
        """The addresses of a service.

        Raises:
            LookupError: there is none.
        """
        try:
            return tuple(address.strip() for address in self.services[name].split(","))
        except KeyError:
            meant = nearest(name, self.services) or ": front up has the apps of frontispiece.toml there"
            raise LookupError(f"SERVICES names no address for {name!r}{meant}") from None


def project_folder(file: Path) -> Path:
    """The folder of the project that a file is part of; the file's own when there is none above it."""
    here = file.resolve().parent
    return nearest_project(here) or here


def nearest_project(folder: Path) -> Path | None:
    """The nearest folder with a project's file, from this one upwards."""
    return next((each for each in (folder, *folder.parents) if (each / PROJECT_FILE).is_file()), None)
