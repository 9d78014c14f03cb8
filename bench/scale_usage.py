"""What a running shop has used, for `bench.scale`: processor, memory, loopback, disk and events."""

import json
import re
import sqlite3
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from bench.processes import cpu_seconds, tree
from bench.scale_model import Run
from frontispiece.cli.run.nats import read_addresses


class Usage:
    """What the shop, that has a process id and a data folder, has used until now."""

    def __init__(self, pid: int, folder: Path) -> None:
        self.cpu: dict[str, float] = defaultdict(float, {"front": cpu_seconds(pid)})
        self.resident: dict[str, int] = {}
        self.memory = _memory(pid, "Pss")
        for child in tree(pid)[1:]:
            log = Path(f"/proc/{child}/fd/1").readlink().stem
            app = re.sub(r"-\d+$", "", log)  # catalog-2 is a copy
            self.cpu[app] += cpu_seconds(child)
            self.resident[app] = _memory(child, "Rss")
            self.memory += _memory(child, "Pss")
        self.loopback = _loopback()
        self.stored: Counter[str] = Counter()
        for file in folder.glob("*.db"):
            self.stored[re.split(r"[_-]", file.stem)[0]] += _pages(file)
        self.events = self.event_bytes = 0
        addresses = read_addresses(folder / "nats")
        assert addresses is not None
        with urlopen(f"{addresses.monitor_url}/jsz?streams=1", timeout=30) as response:  # noqa: S310 (http)
            accounts = json.load(response)["account_details"]
        for stream in (stream for account in accounts for stream in account["stream_detail"]):
            if not stream["name"].startswith("KV_"):
                self.events += stream["state"]["last_seq"]
                self.event_bytes += stream["state"]["bytes"]

    def run(self, before: "Usage", **known: object) -> Run:
        """What one of `count` has taken since then."""
        count = known["count"]
        assert isinstance(count, int)
        each = 1 / max(1, count)
        return Run(
            cpu={app: (used - before.cpu[app]) * each for app, used in self.cpu.items()},
            loopback=(self.loopback - before.loopback) * each,
            stored={name: (size - before.stored[name]) * each for name, size in self.stored.items()},
            events=(self.events - before.events) * each,
            event_bytes=(self.event_bytes - before.event_bytes) * each,
            memory=self.memory,
            **known,  # type: ignore[arg-type]  # the fields of a run
        )


def _memory(pid: int, kind: str) -> int:
    """Bytes of a process; Pss shares out what processes share."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    return int(text.partition(f"\n{kind}:")[2].split()[0]) * 1024


def _loopback() -> int:
    """Bytes that have passed over loopback, with the heads of TCP and IP."""
    return int(Path("/proc/net/dev").read_text(encoding="utf-8").partition("lo:")[2].split()[0])


def _pages(file: Path) -> int:
    """Bytes that an SQLite database has in use."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        counts = [int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in _SIZES]
    finally:
        connection.close()
    return (counts[0] - counts[1]) * counts[2]


_SIZES: Final = ("page_count", "freelist_count", "page_size")
