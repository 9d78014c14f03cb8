from itertools import pairwise

import pytest

from frontispiece.http import ClientVersion, Version

PRECEDENCE = [
    "0.9.12",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.2",
    "1.0.10",
    "1.2.0",
    "2.0.0",
    "10.0.0",
]
"""In order, with the example of semver.org (11)."""


@pytest.mark.parametrize(
    ("field", "name", "version"),
    [
        (b"web/1.3.0", "web", Version(1, 3, 0)),
        (b"mobile-2/10.0.21", "mobile-2", Version(10, 0, 21)),
        (b"kiosk/1.4.0-beta.2", "kiosk", Version(1, 4, 0, ("beta", "2"))),
        (b"kiosk/1.4.0-0a.-", "kiosk", Version(1, 4, 0, ("0a", "-"))),
    ],
)
def test_a_client_says_its_name_and_version(field: bytes, name: str, version: Version) -> None:
    client = ClientVersion.parse(field)

    assert client == ClientVersion(name, version)
    assert f"{client.name}/{client.version}".encode() == field


@pytest.mark.parametrize(
    "field",
    [
        b"",
        b"web",
        b"web/",
        b"web/1",
        b"web/1.3",
        b"web/1.3.0.1",
        b"web/v1.3.0",
        b"web/01.3.0",
        b"web/1.3.0-",
        b"web/1.3.0-01",
        b"web/1.3.0-a..b",
        b"web/1.3.0+build",
        b"web/1.3.0 ",
        b" web/1.3.0",
        b"web/1.3.0\n",
        b"web/1.3.\xb2",
        b"Web/1.3.0",
        b"w\xe9b/1.3.0",
        b"1web/1.3.0",
        b"web/web/1.3.0",
        b"/1.3.0",
        b"web/1234567890.0.0",
        b"a" * 33 + b"/1.0.0",
    ],
)
def test_anything_else_is_no_client(field: bytes) -> None:
    with pytest.raises(ValueError, match=r"write a name and a version|is no version: write three numbers"):
        ClientVersion.parse(field)


def test_versions_have_the_precedence_of_semantic_versioning() -> None:
    versions = [Version.parse(text) for text in PRECEDENCE]

    assert sorted({*versions}) == versions
    assert [str(version) for version in versions] == PRECEDENCE
    assert all(earlier < later for earlier, later in pairwise(versions))
