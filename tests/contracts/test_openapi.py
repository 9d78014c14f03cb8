"""What the apps of the shop serve: their OpenAPI documents, and contracts/openapi/."""

import json
from pathlib import Path

import pytest

from frontispiece.settings import TokenSettings
from tests.support.apps import APPS, Parts
from tests.support.contracts import CONTRACTS, Json, is_written
from tests.support.shop import PROJECT

FOLDER = CONTRACTS / "openapi"


@pytest.fixture
def document(app: str, tmp_path: Path, token_settings: TokenSettings, signing_key: str) -> Json:
    """The OpenAPI document of an app, which is not started."""
    parts = Parts(folder=tmp_path, tokens=token_settings, signing_key=signing_key)
    return APPS[app](parts).openapi()


every_app = pytest.mark.parametrize("app", APPS)


@every_app
def test_the_file_is_what_the_app_says(app: str, document: Json) -> None:
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    assert is_written(FOLDER / f"{app}.json", text), (
        f"{app}.json is not what {app} says: run `make contracts`"
    )


def test_every_app_has_a_file_and_every_file_an_app() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == APPS.keys() == PROJECT.apps.keys()
