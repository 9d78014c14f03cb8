"""The installed versions of each candidate, and the machine."""

import json
import platform
import re
import subprocess
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from bench.processes import tool
from bench.proxies import wheel

FASTIFY = Path(__file__).parent / "by_hand" / "fastify"


def own() -> str:
    """This version, and those of what it is built on."""
    return f"Frontispiece {version('frontispiece')} on its own server ({_uvloop()}), {_python()}"


def fastapi() -> str:
    """FastAPI with its parts."""
    served = f"uvicorn {version('uvicorn')} ({_uvloop()}), {_python()}"
    return f"FastAPI {version('fastapi')} with httpx {version('httpx')} on {served}"


def fastify() -> str:
    """Fastify with its parts."""
    packages = json.loads((FASTIFY / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    fastify, undici = (packages[f"node_modules/{name}"]["version"] for name in ("fastify", "undici"))
    return (
        f"Fastify {fastify} with undici {undici} on Node.js {_printed(tool('node', 'nodejs'), '--version')}"
    )


def nginx() -> str:
    """The system's nginx."""
    return f"nginx {_printed(tool('nginx', 'nginx-light'), '-v')}"


def caddy() -> str:
    """The wheel's Caddy."""
    return f"Caddy {_printed(wheel('caddy'), 'version')}"


def traefik() -> str:
    """The wheel's Traefik."""
    return f"Traefik {_printed(wheel('traefik'), 'version')}"


def envoy() -> str:
    """The wheel's Envoy."""
    return f"Envoy {_printed(wheel('envoy'), '--version')}"


def machine() -> str:
    """The processors of this machine."""
    information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = Counter(re.findall(r"^model name\s*:\s*(.+)$", information, re.MULTILINE))
    named = [f"{count} cores of {model}" for model, count in models.items()] or [platform.machine()]
    return f"{', '.join(named)}; {platform.system()} {platform.release().partition('-')[0]}"


def _uvloop() -> str:
    return f"uvloop {version('uvloop')}, httptools {version('httptools')}"


def _python() -> str:
    return f"Python {platform.python_version()}"


def _printed(*command: str) -> str:
    """The version in what a program prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 (a candidate)
    found = re.search(r"(?<![\w.])v?(\d+\.\d+\.\d+)", done.stdout + done.stderr)
    return found[1] if found else "of an unknown version"
