"""Single files: their types, codings, validators and parts, and those that are never served."""

import gzip
import json
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import httpx
import pytest
import zstandard

from tests.frontispiece.gateway.files.conftest import CLIENT, OpenClient, files_route, write
from tests.support.tables import route_table
from tests.support.world import OpenWorld, World

IDENTITY = {"Accept-Encoding": "identity"}
PICTURE = CLIENT["shared/picture.png"]


async def url_of(world: World, path: str) -> str:
    """Where the release has a file."""
    files = (await world.http.get("/asset-manifest.json")).json()["files"]
    url: str = files[path]["url"]
    return url


async def test_the_manifest_lists_every_file_with_its_url_and_integrity(client: OpenClient) -> None:
    world = await client()

    answer = await world.http.get("/asset-manifest.json")

    manifest = answer.json()
    assert answer.headers["cache-control"] == "no-cache"
    assert set(manifest["files"]) == {
        name for name in CLIENT if name.startswith(("web/", "shared/")) and name != "web/index.html"
    } - {"web/.env"}
    for path, file in manifest["files"].items():
        assert file["url"] == f"/assets/{manifest['version']}/{path}"
        assert file["integrity"].startswith("sha384-")
        content = CLIENT[path]
        expected = content.encode() if isinstance(content, str) else content
        assert (await world.http.get(file["url"])).content == expected


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("web/main.js", "text/javascript; charset=utf-8"),
        ("shared/tokens.css", "text/css; charset=utf-8"),
        ("web/favicon.svg", "image/svg+xml"),
        ("web/app.webmanifest", "application/manifest+json"),
        ("shared/picture.png", "image/png"),
        ("shared/data.unheard-of", "application/octet-stream"),
    ],
)
async def test_files_have_the_media_types_of_their_names(
    client: OpenClient, path: str, media_type: str
) -> None:
    world = await client()

    file = await world.http.get(await url_of(world, path))

    assert file.headers["content-type"] == media_type
    assert file.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, zstd", "zstd"),
        ("gzip", "gzip"),
        ("br;q=0.5, gzip", "gzip"),
        ("identity", None),
        ("br;q=0", None),
    ],
)
async def test_a_file_comes_in_the_coding_that_the_client_prefers(
    client: OpenClient, accepted: str, coding: str | None
) -> None:
    world = await client()
    decoders = {
        "br": brotli.decompress,
        "zstd": zstandard.ZstdDecompressor().decompress,
        "gzip": gzip.decompress,
        None: bytes,
    }

    async with world.http.stream("GET", "/main.js", headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])

    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert int(answer.headers["content-length"]) == len(raw)
    assert decoders[coding](raw).decode() == CLIENT["web/main.js"]


@pytest.mark.parametrize("path", ["/", "/main.js"])
async def test_each_coding_has_a_strong_validator_of_its_own(client: OpenClient, path: str) -> None:
    world = await client()
    tags = set()
    for coding in ("br", "zstd", "gzip", "identity"):
        asks = {"Accept-Encoding": coding}
        whole = await world.http.get(path, headers=asks)
        tag = whole.headers["etag"]
        again = await world.http.get(path, headers=asks | {"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.content) == (304, b"")
        for name in ("etag", "cache-control", "vary"):
            assert again.headers[name] == whole.headers[name]
        tags.add(tag)

    assert len(tags) == 4
    assert not [tag for tag in tags if tag.startswith("W/")]


@pytest.mark.parametrize(
    ("asked_for", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=2000-", 2000, 2048), ("bytes=-5", 2043, 2048), ("bytes=0-9999", 0, 2048)],
)
async def test_a_part_of_a_file_can_be_had(client: OpenClient, asked_for: str, start: int, end: int) -> None:
    world = await client()

    part = await world.http.get(await url_of(world, "shared/picture.png"), headers={"Range": asked_for})

    assert (part.status_code, part.content) == (206, PICTURE[start:end])
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/2048"
    assert part.headers["accept-ranges"] == "bytes"


async def test_a_part_beyond_the_end_is_refused_with_the_length(client: OpenClient) -> None:
    world = await client()

    beyond = await world.http.get(await url_of(world, "shared/picture.png"), headers={"Range": "bytes=2048-"})

    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */2048")


@pytest.mark.parametrize("ignored", ["bytes=0-1,5-6", "lines=0-1", "bytes=5-1", "bytes=x"])
async def test_ranges_that_are_not_understood_are_ignored(client: OpenClient, ignored: str) -> None:
    world = await client()

    answer = await world.http.get(await url_of(world, "shared/picture.png"), headers={"Range": ignored})

    assert (answer.status_code, answer.content) == (200, PICTURE)


async def test_if_range_gives_a_part_of_the_same_file_and_else_all_of_the_new_one(client: OpenClient) -> None:
    world = await client()
    tag = (await world.http.get("/main.js", headers=IDENTITY)).headers["etag"]
    of_brotli = (await world.http.get("/main.js", headers={"Accept-Encoding": "br"})).headers["etag"]

    async def status(condition: str) -> int:
        headers = IDENTITY | {"Range": "bytes=0-9", "If-Range": condition}
        return (await world.http.get("/main.js", headers=headers)).status_code

    assert await status(tag) == 206
    for other in (of_brotli, f"W/{tag}", '"another"', "Sun, 06 Nov 1994 08:49:37 GMT"):
        assert await status(other) == 200


async def test_a_part_of_what_the_client_has_already_is_not_sent(client: OpenClient) -> None:
    world = await client()
    tag = (await world.http.get("/main.js", headers=IDENTITY)).headers["etag"]

    headers = {"Accept-Encoding": "br", "Range": "bytes=0-9", "If-None-Match": tag}
    again = await world.http.get("/main.js", headers=headers)

    assert (again.status_code, again.headers["etag"]) == (304, tag)


HIDDEN = ["/.env", "/web/.env", "/index.html", "/web/index.html", "/node_modules/tool/index.js", "/link.txt"]
HIDDEN += ["/hidden.txt", "/web/hidden.txt", "/other.txt", "/web/other.txt"]  # links


@pytest.mark.parametrize("path", HIDDEN)
async def test_what_is_hidden_outside_or_left_out_is_not_served(
    open_world: OpenWorld, folder: Path, path: str
) -> None:
    outside = write(folder.parent / "outside", {"secret.txt": "secret", "deep/secret.txt": "secret"})
    (folder / "web" / "link.txt").symlink_to(outside / "secret.txt")
    (folder / "web" / "deep").symlink_to(outside / "deep")
    (folder / "web" / "hidden.txt").symlink_to(".env")
    (folder / "web" / "other.txt").symlink_to("../node_modules/tool/index.js")
    (folder / "web" / "inner.txt").symlink_to(folder / "shared" / "tokens.css")
    world = await open_world(route_table(files_route(folder), services={"things": {}}))

    listed = (await world.http.get("/asset-manifest.json")).json()

    assert (await world.http.get(path)).status_code == 404
    assert (await world.http.get(f"/assets/{listed['version']}{path}")).status_code == 404
    assert "secret" not in json.dumps(listed)
    assert (await world.http.get("/inner.txt")).text == CLIENT["shared/tokens.css"]


@pytest.mark.parametrize(
    "path",
    [
        "/%2e%2e/shared/tokens.css",
        "/pages/%2E./main.js",
        "/pages%2fhome.js",
        "/..;/shared/tokens.css",
        "/pages//home.js",
        "/pages%5chome.js",
        "/main.js%00.png",
    ],
)
async def test_paths_that_could_be_read_in_two_ways_are_refused(client: OpenClient, path: str) -> None:
    world = await client()

    raw = httpx.URL(world.url).copy_with(raw_path=path.encode())

    assert (await world.http.get(raw)).status_code == 400
