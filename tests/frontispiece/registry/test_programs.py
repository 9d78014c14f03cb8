"""A program by command, in any language: `front serve` registers it."""

import os
import signal
import sys
from pathlib import Path

from frontispiece.events import EventSettings
from frontispiece.registry import open_registry
from frontispiece.settings import PROJECT_FILE
from tests.support.front import Command
from tests.support.serving import free_ports
from tests.support.waiting import until


async def test_it_is_there_from_its_first_connection_until_it_is_to_stop(
    event_settings: EventSettings, tmp_path: Path
) -> None:
    program = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "${port}"]
    (tmp_path / PROJECT_FILE).write_text(f"[apps.files]\ncommand = {program}\n")
    port = free_ports(1)
    variables = {**os.environ, "REGISTRY_URL": event_settings.url, "REGISTRY_DRAIN_DELAY": "0"}
    async with open_registry(event_settings.url) as registry:

        def registered() -> list[str]:
            return [each.address for each in registry.instances if each.service == "files"]

        serving = Command(["serve", "files", "--port", str(port)], variables, tmp_path)
        await until(lambda: registered() == [f"http://127.0.0.1:{port}"])

        os.kill(serving.pid, signal.SIGTERM)

        await until(lambda: serving.poll() is not None)
        serving.communicate()
        assert serving.returncode == 128 + signal.SIGTERM, "the status of the program"
        assert registered() == []
