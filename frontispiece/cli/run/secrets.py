"""The secrets of a project: made at first start for development, required in production."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from frontispiece.cli.project import Project
from frontispiece.cli.run.data_folder import write_whole
from frontispiece.errors import ConfigError
from frontispiece.security import new_key, new_signing_key, private_key
from frontispiece.settings import SECRETS, value_of

FILE = "secrets.json"
ADMIN_TOKEN = "GATEWAY_ADMIN_TOKEN"  # noqa: S105 (the variable's name)

HOW_TO = {
    "signing_keys": "an Ed25519 private key in PEM: openssl genpkey -algorithm ed25519",
    "issuers": (
        'the public keys of each caller as JSON, {"NAME": {"keys": ["KEY"]}}: '
        "openssl pkey -in PRIVATE_KEY_FILE -pubout -outform DER | tail -c 32 | base64 | tr '+/' '-_' "
        "| tr -d '='"
    ),
    "secrets": "a random secret: openssl rand 32 | base64 | tr '+/' '-_' | tr -d '='",
}
"""How to make what a placeholder stands for."""

_SECRET = re.compile(r"\$\{(?:secrets|signing_keys)\.\w+\}")


def generate(project: Project) -> dict[str, str]:
    """New secrets: those of `secrets` by name, signing keys and the admin port's token by variable."""
    return {
        ADMIN_TOKEN: new_key(),
        **{name: new_key() for name in project.secrets},
        **{variable: new_signing_key() for variable in set(project.signers.values())},
    }


def load(project: Project, data: Path) -> Mapping[str, str]:
    """The secrets in a data folder; those that are missing are made, and only this user can read them.

    Raises:
        ConfigError: the file cannot be read, or a signing key is invalid.
    """
    path = data / FILE
    stored = _stored(project, path) if path.exists() else {}
    secrets = generate(project) | stored
    if secrets.keys() != stored.keys():
        write_whole(path, secrets)
    return secrets


def _stored(project: Project, path: Path) -> dict[str, str]:
    advice = "repair it, or remove it to have new ones made"
    try:
        path.chmod(0o600)
        stored = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise ConfigError([f"{path} has no secrets that can be read ({error}): {advice}"]) from None
    for variable in sorted(stored.keys() & set(project.signers.values())):
        try:
            private_key(stored[variable])
        except ValueError as error:
            raise ConfigError([f"{path}: {variable}: {error}: {advice}"]) from None
    return stored


def require(project: Project, name: str) -> None:
    """Check that production sets every variable of an app that holds a secret.

    Raises:
        ConfigError: some are not set; each is named, with how to make its value.
    """
    if errors := list(_missing(project, name)):
        raise ConfigError(errors)


def _missing(project: Project, name: str) -> Iterator[str]:
    explicit = "signing_key" in project.programs[name].model_fields_set
    for variable, text in project.declared(name).items():
        if value_of(variable):
            continue
        for kind, how_to in HOW_TO.items():
            if f"${{{kind}" in text and (explicit or kind != "signing_keys"):
                file = SECRETS / variable.lower()
                value = _SECRET.sub("SECRET", text).strip()
                form = "" if value in {"SECRET", f"${{{kind}}}"} else f", in the form {value}"
                yield f"{variable} is required, or the file {file}{form}: {how_to}"
                break
