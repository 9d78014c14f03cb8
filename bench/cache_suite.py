"""The public suite of HTTP caches against the gateway: `python -m bench.cache_suite`.

It is that of https://cache-tests.fyi, installed into a temporary folder, which needs node and npm. A run
takes half a minute.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.processes import CANDIDATES, REST, Program, free_port, listening, tool
from bench.world import ROOT

PACKAGE: Final = "http-cache-tests"
VERSION: Final = "0.4.5"

SETTINGS: Final = (
    'stale_if_error = "1m"',
    "store_partial = true",
    "last_modified_factor = 0.1",
    'target_list = ["Surrogate-Control"]',  # which the suite sends in the place of CDN-Cache-Control
)
"""Settings of the cache that are off by default, and that the suite is about."""

TABLE: Final = """
[services.suite]
url = "http://127.0.0.1:{port}"

[[routes]]
path = "/test/{{rest:path}}"
to = "suite"
auth = "passthrough"
methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "M-SEARCH"]
cache = {{ {cache} }}
priority = "critical"

[[routes]]
path = "/{{rest:path}}"
to = "suite"
auth = "passthrough"
methods = ["GET", "PUT"]
priority = "critical"
"""
"""What is tested is cached; what the suite's client and server tell each other is not.

The suite sends all of its tests at once, and some of its answers take seconds: nothing of it is shed."""

LIST_TESTS: Final = """
import suites from './tests/index.mjs'
import surrogate from './tests/surrogate-control.mjs'
const tests = [...suites, surrogate].flatMap(suite => suite.tests)
console.log(JSON.stringify(tests.map(({ id, name, kind, depends_on }) => ({ id, name, kind, depends_on }))))
"""

PASS, FAIL, SETUP, DEPENDENCY, UNTESTED = "pass", "fail", "setup", "dependency", "untested"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The outcome of one test of the suite.

    Args:
        id: names the test in the suite.
        name: what is expected.
        kind: `required`, `optimal`, or `check` for what caches are free to do.
        outcome: `pass`, `fail`, or why it says nothing: `setup`, `dependency`, `untested` (browsers only).
        detail: what was wrong.
    """

    id: str
    name: str
    kind: str
    outcome: str
    detail: str


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.cache_suite", description=__doc__)
    parser.add_argument("--id", default="", help="this test alone, with all that is sent")
    parser.add_argument("--cache", default=", ".join(SETTINGS), help="the route's cache table, in TOML")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="cache-suite-") as folder:
        suite = _install(Path(folder))
        with _served(suite, arguments.cache) as gateway:
            printed = _node(suite, "cli.mjs", npm_config_base=gateway, npm_package_config_id=arguments.id)
        if arguments.id:
            print(printed)  # noqa: T201 (a report)
            return
        listed = json.loads(_node(suite, "--input-type=module", "--eval", LIST_TESTS))
    print(report(outcomes(listed, json.loads(printed))))  # noqa: T201 (a report)


def outcomes(listed: list[dict[str, Any]], results: Mapping[str, Any]) -> list[Result]:
    """The tests with their outcomes; those that depend on a test that did not pass say nothing."""
    dependencies = {each["id"]: each.get("depends_on") or [] for each in listed}

    def outcome(test: str) -> str:
        if test not in results:
            return UNTESTED
        if any(outcome(other) != PASS for other in dependencies[test]):
            return DEPENDENCY
        if results[test] is True:
            return PASS
        return SETUP if results[test][0] == "Setup" else FAIL

    def detail(test: str) -> str:
        result = results.get(test)
        return result[1] if isinstance(result, list) else ""

    return [
        Result(
            id=each["id"],
            name=each["name"],
            kind=each.get("kind") or "required",
            outcome=outcome(each["id"]),
            detail=detail(each["id"]),
        )
        for each in listed
    ]


def report(results: list[Result]) -> str:
    """The counts by kind, and each test that did not pass."""
    counts = Counter((each.kind, each.outcome) for each in results)
    kinds = ("required", "optimal", "check")
    columns = (PASS, FAIL, SETUP, DEPENDENCY, UNTESTED)
    lines = ["| | " + " | ".join(columns) + " | of |", "|---" * (len(columns) + 2) + "|"]
    lines += [
        f"| {kind} | "
        + " | ".join(str(counts[kind, column]) for column in columns)
        + f" | {sum(counts[kind, column] for column in columns)} |"
        for kind in kinds
    ]
    passed = sum(each.outcome == PASS for each in results)
    lines += ["", f"{passed} of {len(results)} pass.", ""]
    lines += [
        f"- {each.kind} {each.outcome}: `{each.id}`: {each.name}: {each.detail}"
        for kind in kinds
        for each in results
        if each.kind == kind and each.outcome in {FAIL, SETUP, DEPENDENCY}
    ]
    return "\n".join(lines)


def _install(folder: Path) -> Path:
    """Where the suite is, once it is installed below this folder."""
    command = [tool("npm", "npm"), "install", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run([*command, f"{PACKAGE}@{VERSION}"], cwd=folder, check=True, stdout=sys.stderr)  # noqa: S603 (npm)
    return folder / "node_modules" / PACKAGE


@contextmanager
def _served(suite: Path, cache: str) -> Iterator[str]:
    """The URL of a gateway with this cache in front of the suite's server."""
    origin, port, routes = free_port(), free_port(), suite / "routes.toml"
    routes.write_text(TABLE.format(port=origin, cache=cache), encoding="utf-8")
    server = Program(
        command=[tool("node", "nodejs"), str(suite / "server" / "server.mjs")],
        port=origin,
        variables={
            "npm_config_protocol": "http",
            "npm_config_port": str(origin),
            "npm_config_pidfile": str(suite / "server.pid"),
        },
    )
    gateway = Program(
        command=[sys.executable, "-m", "bench.ours", "gateway", str(port)],
        port=port,
        variables={"PYTHONPATH": str(ROOT), "GATEWAY_ROUTES": str(routes), "GATEWAY_ADMIN": "off"},
    )
    with ExitStack() as stack:
        stack.enter_context(listening(server, core=REST, log=suite / "server.log"))
        stack.enter_context(listening(gateway, core=CANDIDATES, log=suite / "gateway.log"))
        yield f"http://127.0.0.1:{port}"


def _node(suite: Path, *arguments: str, **variables: str) -> str:
    """What node prints in the suite's folder."""
    command = [tool("node", "nodejs"), "--no-warnings", *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(  # noqa: S603 (node)
        command, cwd=suite, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


if __name__ == "__main__":
    main()
