"""Verification of a provider against the contract of one version of a client, by pact, in process."""

import asyncio
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from frontispiece.contracts.repository import Contracts, PactFile
from frontispiece.contracts.stage import STATES, Staging, on_stage, served
from frontispiece.extras import extra
from frontispiece.server.sockets import LOOPBACK

REQUEST_TIMEOUT: Final = 60_000
"""Milliseconds for a request of pact's: contracts are about what providers say, not how fast."""

MISSING: Final = re.compile(r"missing the following keys: (.+)")
UNKNOWN: Final = "the state {!r} is unknown: add it to the stage that [contracts] names"
INDEX: Final = re.compile(r"\[\d+\]")


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A part of a contract that its provider does not keep.

    Args:
        screen: the interaction's description.
        field: what is missing or wrong, such as `lines[].total`; empty where it is the whole response.
        reason: in pact's words.
    """

    client: str
    version: str
    provider: str
    screen: str
    field: str
    reason: str

    def __str__(self) -> str:
        field = f", {self.field}" if self.field else ""
        return f"{self.client} {self.version}, {self.screen}{field}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A version's contract with its provider, and what of it the provider breaks."""

    pact: PactFile
    breaches: Sequence[Breach]


async def matrix(contracts: Contracts, staging: Staging, today: date) -> list[Verified]:
    """Every contract in the field, verified one after the other, in the order of released.toml.

    Raises:
        ConfigError: the stage has not all providers.
        MissingExtra: pact is not installed.
    """
    return [Verified(pact=pact, breaches=await verify(pact, staging)) for pact in contracts.in_field(today)]


async def verify(pact: PactFile, staging: Staging) -> list[Breach]:
    """The breaches of a contract by its provider, each field once a screen.

    Raises:
        ConfigError: the stage has no such provider.
        MissingExtra: pact is not installed.
    """
    async with on_stage(staging, pact.provider) as stage, served(pact.provider, stage) as (url, unknown):
        results = await asyncio.to_thread(_results, pact, url)  # the app is served by this loop
    return list(dict.fromkeys(_breaches(pact, results, unknown)))


def _results(pact: PactFile, url: str) -> dict[str, Any]:
    """The results of pact's verifier."""
    verifier_class = pact_verifier()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{pact.client}-{pact.version}.json"
        file.write_bytes(pact.source)
        verifier = verifier_class(pact.provider, host=LOOPBACK).add_transport(url=url).add_source(file)
        verifier.state_handler(url + STATES, teardown=True, body=True)
        verifier.set_coloured_output(enabled=False).set_request_timeout(REQUEST_TIMEOUT)
        try:
            verifier.verify()
        except RuntimeError:
            if not verifier.results.get("errors"):
                raise  # it did not run
        return dict(verifier.results)


def pact_verifier() -> Any:
    """The class of pact's verifier, with its usage reports switched off.

    Raises:
        MissingExtra: it is not installed.
    """
    with extra("contracts"):
        from pact import Verifier  # noqa: PLC0415 (an extra)

    os.environ.setdefault("PACT_DO_NOT_TRACK", "true")
    return Verifier


def _breaches(pact: PactFile, results: dict[str, Any], unknown: Sequence[str]) -> Iterator[Breach]:
    screens = sorted((each.description for each in pact.interactions), key=len, reverse=True)
    for error in results["errors"]:
        name = error["interaction"]
        screen = next((each for each in screens if name.endswith(f" - {each}")), name)
        states = [state for state in unknown if state in name]  # pact names an interaction with its states
        for field, reason in [("", UNKNOWN.format(state)) for state in states] or _faults(error["mismatch"]):
            yield Breach(
                client=pact.client,
                version=pact.version,
                provider=pact.provider,
                screen=screen,
                field=field,
                reason=reason,
            )


def _faults(mismatch: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every field that is wrong, and what is wrong with it."""
    if mismatch["type"] != "mismatches":
        yield "", str(mismatch.get("message", mismatch["type"]))
        return
    for each in mismatch["mismatches"]:
        place = INDEX.sub("[]", each.get("path", "")).removeprefix("$").removeprefix(".")
        if missing := MISSING.search(each["mismatch"]):
            for name in missing[1].split(", "):
                yield f"{place}.{name}".removeprefix("."), "it is missing"
        elif "key" in each:  # a header
            yield f"header {each['key']}", each["mismatch"]
        else:
            yield place, each["mismatch"]
