"""Pickup over HTTP, and its commands."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from frontispiece.settings import TokenSettings
from services.pickup.app import PickupSettings, create_app
from services.pickup.cli import app, seeds
from tests.conftest import AppClient, MakeToken
from tests.services.support import problem_of
from tests.support.absence import file_away
from tests.support.commands import printed


@pytest.fixture
def audience() -> str:
    return "pickup"


async def test_a_store_near_a_place_is_public_and_moved_by_an_operator(
    *, tmp_path: Path, token_settings: TokenSettings, app_client: AppClient, bearer: MakeToken
) -> None:
    shards = {name: {"database_url": f"sqlite:///{tmp_path}/{name}.db"} for name in "01"}
    settings = PickupSettings.model_validate({"shards": shards, "tokens": token_settings})
    operator = bearer("clerk", "stores:write")
    async with app_client(create_app(settings)) as http:
        berlin = (await http.get("/nearby", params={"place": "berlin", "limit": 5})).json()
        first = berlin["items"][0]
        distances = [store["metres"] for store in berlin["items"]]
        assert (berlin["place"]["name"], distances) == ("Berlin", sorted(distances))
        assert (await http.get("/nearby?place=nowhere")).json() == {"place": None, "items": [], "shards": []}
        assert problem_of(await http.get("/nearby?latitude=1")) == (422, "place-missing")
        pickup = (await http.get(f"/stores/{first['store']}/pickup")).json()
        assert pickup == {name: first[name] for name in pickup}

        found = await http.get(f"/stores/{first['store']}")
        changed = {**found.json(), "latitude": -33.9, "longitude": 151.2, "skus": ["PEN"]}
        path, body = f"/stores/{changed.pop('id')}", changed
        tag = {"If-Match": found.headers["etag"]}
        late = {**body, "opens": 1200, "closes": 600}
        puts = ((body, operator), *[(sent, operator | tag) for sent in (body, body, late)])
        answers = [await http.put(path, json=sent, headers=headers) for sent, headers in puts]
        assert [answer.status_code for answer in answers] == [428, 200, 412, 422]

        there = {"latitude": -33.9, "longitude": 151.2, "radius": 100}
        for skus, ids in ((["PEN"], [first["store"]]), (["PEN", "INK"], [])):
            near = (await http.get("/nearby", params={**there, "sku": skus})).json()
            assert [store["store"] for store in near["items"]] == ids
        again = (await http.get("/nearby", params={"place": "berlin", "limit": 5})).json()["items"]
        assert first["store"] not in [store["store"] for store in again]


def test_commands_generate_stores_and_show_and_draw_the_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = {name: {"database_url": f"sqlite:///{tmp_path}/{name}.db"} for name in "01"}
    monkeypatch.setenv("PICKUP_SHARDS", json.dumps(shards))
    run, picture = CliRunner().invoke, tmp_path / "map.svg"

    assert "There is no" in printed(run(app, ["shards"]))
    assert list(tmp_path.iterdir()) == []
    seeded, again = (run(seeds, ["pickup", "--stores", "2500"]) for _ in range(2))
    shown, balanced = (run(app, [command]) for command in ("shards", "balance"))
    drawn = run(app, ["map", "--svg", str(picture)])

    assert (seeded.stdout, again.stdout) == ("500 stores are new, of 2500.\n", "0 stores are new, of 2500.\n")
    assert ("1295" in shown.stdout, "1205" in shown.stdout) == (True, True)
    with file_away(shards["1"]["database_url"]):
        without = run(app, ["shards"])
    assert (without.exit_code, "1295" in without.stdout, "away" in without.stdout) == (1, True, True)
    assert "Shard 1 is away" in printed(without)
    assert balanced.stdout == "0 cells have another shard now.\n"
    assert "with 2500 stores" in drawn.stdout
    assert picture.read_text(encoding="utf-8").count("<circle") > 16
    unwritable = run(app, ["map", "--svg", "/nowhere/map.svg"])
    assert (unwritable.exit_code, "No such file" in printed(unwritable)) == (1, True)
    monkeypatch.setenv("PICKUP_SHARDS", json.dumps({"0": {"database_url": f"sqlite:///{picture}/0.db"}}))
    assert "File exists" in printed(run(seeds, ["pickup", "--stores", "1"]))
