"""The console's settings."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.gateway.console.try_it import TryIt
from frontispiece.settings import Settings


class ConsoleSettings(Settings):
    """What the console of the admin port has besides the gateway's own state."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_CONSOLE_")

    store: Path | None = Field(
        None,
        description="The SQLite file of the traces and logs that the console receives by OTLP, 64 MiB at "
        "most; it receives none when left out.",
    )
    try_it: TryIt | None = Field(
        None,
        description="Lets the console send requests to routes, as JSON: `origin`, `users`, `password`, "
        "`login`. For development, where `front up` sets it.",
    )
