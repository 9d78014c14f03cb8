"""An issuer known by its key set alone, at a URL or in a file: bearer tokens, rotation, and no discovery."""

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from frontispiece.gateway.auth.oidc import (
    AccessToken,
    AccessTokens,
    IssuerSettings,
    Provider,
    ProviderUnavailable,
)
from frontispiece.security import InvalidToken
from tests.support.issuer import Issuer, authorization
from tests.support.serving import Serve
from tests.support.stub import Stub
from tests.support.tables import route, route_table
from tests.support.waiting import TIMEOUT, until
from tests.support.world import OpenWorld

Publish = Callable[[], None]


@pytest.fixture(params=["url", "file"])
def publish(request: pytest.FixtureRequest, issuer: Issuer, tmp_path: Path) -> Publish:
    """`publish()` after every change of the issuer's keys; the issuer is known by its key set alone."""
    file = tmp_path / "jwks.json"
    issuer.jwks = f"{issuer.url}/keys" if request.param == "url" else str(file)
    if request.param == "url":
        return lambda: None

    def write() -> None:
        written = tmp_path / "next.json"
        written.write_text(json.dumps({"keys": issuer.keys}))
        written.rename(file)

    write()
    return write


@pytest.fixture(autouse=True)
def _reads_often(monkeypatch: pytest.MonkeyPatch) -> None:
    for interval in ("FILE_POLL", "FIRST_RETRY", "MAX_RETRY", "FAILURE_PAUSE"):  # seconds
        monkeypatch.setattr(f"frontispiece.gateway.auth.oidc.client.{interval}", 0.1)
    monkeypatch.setattr("frontispiece.gateway.auth.oidc.jwks.FAILURE_PAUSE", 0.1)


async def test_bearer_routes_work_through_a_rotation_and_nothing_is_discovered(
    publish: Publish, open_world: OpenWorld, serve: Serve, issuer: Issuer
) -> None:
    http = (await open_world(route_table(route("/mine", auth="bearer")), things=Stub())).http
    old = issuer.bearer("reader")
    assert (await http.get("/mine", headers=old)).status_code == 200

    issuer.rotate()
    publish()
    statuses = [(await http.get("/mine", headers=h)).status_code for h in (issuer.bearer("reader"), old)]
    foreign = issuer.bearer("reader", iss="https://another.example")
    statuses += [(await http.get("/mine", headers=h)).status_code for h in (foreign, {})]

    assert statuses == [200, 200, 401, 401]
    assert set(issuer.paths) <= {"/keys"}


async def test_a_key_that_is_removed_from_the_set_is_refused(publish: Publish, issuer: Issuer) -> None:
    settings = issuer.settings.model_copy(update={"jwks_refresh_interval": 0.01})
    async with Provider(settings) as provider:
        access = provider.access_tokens()
        stolen, compromised = issuer.token("reader"), issuer.signer
        await access.verify(stolen)

        issuer.rotate()
        publish()
        kept = issuer.token("reader")
        await access.verify(kept)
        issuer.forget(compromised)
        publish()
        await until(lambda: access.cached(authorization(stolen)) is None)
        assert access.cached(authorization(kept)) is not None
        with pytest.raises(InvalidToken, match="unknown"):
            await access.verify(stolen)
        assert (await access.verify(issuer.token("reader"))).identity.subject == "reader"


@pytest.mark.parametrize("broken", ["{", "[]", " " * 300_000, None], ids=["half", "list", "huge", "missing"])
async def test_a_file_that_breaks_leaves_its_keys_valid_and_is_read_again_when_mended(
    issuer: Issuer, tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: str | None
) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": issuer.keys}))
    async with Provider(IssuerSettings(url=issuer.url, jwks=str(file))) as provider:
        access = provider.access_tokens()
        await access.verify(issuer.token("reader"))
        file.unlink()
        if broken is not None:
            file.write_text(broken)
        with caplog.at_level(logging.WARNING):
            await until(lambda: "cannot be read" in caplog.text)
        assert (await access.verify(issuer.token("clerk"))).identity.subject == "clerk"

        added = issuer.announce()
        before = len(caplog.records)
        file.write_text(json.dumps({"keys": issuer.keys}))
        issuer.rotate(added)
        assert (await _accepted(access, issuer.token("reader"))).identity.subject == "reader"
        assert len(caplog.records) < before + 200  # it waits between two tries


async def _accepted(access: AccessTokens, token: str) -> AccessToken:
    async with asyncio.timeout(TIMEOUT):
        while True:
            try:
                return await access.verify(token)
            except ProviderUnavailable:  # the failure is remembered for a second
                await asyncio.sleep(0.02)


async def test_its_endpoints_are_unknown(publish: Publish, issuer: Issuer) -> None:
    publish()
    async with Provider(issuer.settings) as provider:
        with pytest.raises(RuntimeError, match="ISSUER_JWKS"):
            await provider.metadata()
