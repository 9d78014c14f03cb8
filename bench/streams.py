"""Memory while long bodies pass: `python -m bench.streams [GIB]`.

A body of so many GiB (1) is sent down and another one up through the gateway, and then 200 event
streams. Printed are the rates, and the gateway's peak of resident memory beyond what it had before. The exit
status is 1 when a body costs more than `BODY_MIB`, or a stream more than `STREAM_KIB`.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.processes import CANDIDATES, REST, Program, free_port, listening
from bench.world import ROOT
from frontispiece.security import new_signing_key

CHUNK: Final = b"x" * (64 * 1024)
STREAMS: Final = 200
EVENT: Final = b"data: tick\n\n"
BODY_MIB: Final = 8
STREAM_KIB: Final = 40

TABLE: Final = """
[services.long]
url = "registry://long"

[[routes]]
path = "/{rest:path}"
methods = ["GET", "POST"]
to = "long:/{rest}"
auth = "none"
max_body_size = "64GiB"
timeout = "60s"
"""


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection of the service.

    `GET /down/SIZE` sends a body, `POST /up/SIZE` reads one, `GET /events` sends an event and stays open.
    """
    line = await reader.readline()
    await reader.readuntil(b"\r\n\r\n")
    _, kind, *size = line.split()[1].split(b"/")
    if kind == b"events":
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + EVENT)
        with suppress(asyncio.CancelledError):  # at the end of the measurement
            await reader.read()
    elif kind == b"down":
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %b\r\n\r\n" % size[0])
        for _ in range(int(size[0]) // len(CHUNK)):
            writer.write(CHUNK)
            await writer.drain()
    else:
        left = int(size[0])
        while left:
            left -= len(await reader.read(len(CHUNK)))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    writer.close()


async def down(port: int, size: int) -> None:
    """Read the whole body."""
    async with connected(port) as (reader, writer):
        writer.write(b"GET /down/%d HTTP/1.1\r\nhost: a\r\n\r\n" % size)
        await reader.readuntil(b"\r\n\r\n")
        left = size
        while left:
            content = await reader.read(len(CHUNK))
            if not content:
                raise ConnectionError(f"the body broke off {left} bytes before its end")
            left -= len(content)


async def up(port: int, size: int) -> None:
    """Send the whole body."""
    async with connected(port) as (reader, writer):
        writer.write(b"POST /up/%d HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % (size, size))
        for _ in range(size // len(CHUNK)):
            writer.write(CHUNK)
            await writer.drain()
        status = await reader.readline()
        if b" 204 " not in status:
            raise ConnectionError(f"the answer is {status!r}")


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the gateway."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


class Memory:
    """The peak of a process's resident memory since this was made."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
        self._before = self._peak()

    def grown(self) -> int:
        """How many KiB the peak is above the memory at the beginning."""
        return self._peak() - self._before

    def _peak(self) -> int:
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1])


async def measure(gateway: int, port: int, size: int) -> list[str]:
    """A line for each case with its cost, marked where that is too much."""
    lines = []
    for name, transfer in (("down", down), ("up", up)):
        await transfer(port, len(CHUNK) * 64)  # what is made once is made before
        memory, began = Memory(gateway), time.perf_counter()
        await transfer(port, size)
        rate = size / (time.perf_counter() - began) / 1e6
        grown = memory.grown() / 1024
        mark = "" if grown <= BODY_MIB else f"  more than {BODY_MIB} MiB"
        lines.append(f"{size >> 20} MiB {name}: {rate:,.0f} MB/s, {grown:+.1f} MiB{mark}")
    memory = Memory(gateway)
    async with asyncio.TaskGroup() as group:
        opened = [group.create_task(_event(port)) for _ in range(STREAMS)]
    grown = memory.grown() / STREAMS
    mark = "" if grown <= STREAM_KIB else f"  more than {STREAM_KIB} KiB"
    lines.append(f"{STREAMS} event streams: {grown:+.1f} KiB each{mark}")
    for task in opened:
        task.result().close()
    return lines


async def _event(port: int) -> asyncio.StreamWriter:
    """A stream that has sent its first event, and stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /events HTTP/1.1\r\nhost: a\r\n\r\n")
    await reader.readuntil(EVENT)
    return writer


async def main(size: int) -> int:
    """Measure a gateway on the other core."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=STREAMS)
    service = server.sockets[0].getsockname()[1]
    with TemporaryDirectory(prefix="bench-") as folder:
        routes = Path(folder, "routes.toml")
        routes.write_text(TABLE, encoding="utf-8")  # noqa: ASYNC240 (nothing else runs yet)
        port = free_port()
        variables = {
            "PYTHONPATH": str(ROOT),
            "GATEWAY_ROUTES": str(routes),
            "SERVICES": json.dumps({"long": f"http://127.0.0.1:{service}"}),
            "GATEWAY_SIGNING_KEY": new_signing_key(),
        }
        command = [sys.executable, "-m", "bench.ours", "gateway", str(port)]
        program = Program(command=command, port=port, variables=variables)
        with listening(program, core=CANDIDATES, log=Path(folder, "gateway.log")) as pid:
            lines = await measure(pid, port, size)
    print("\n".join(lines))  # noqa: T201 (a program for the terminal)
    return any("more than" in line for line in lines)


if __name__ == "__main__":
    os.sched_setaffinity(0, {REST})
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gibibytes", type=float, nargs="?", default=1.0, help="down and up; 1 by default")
    gibibytes = parser.parse_args().gibibytes
    sys.exit(asyncio.run(main(int(gibibytes * (1 << 30)) // len(CHUNK) * len(CHUNK))))
