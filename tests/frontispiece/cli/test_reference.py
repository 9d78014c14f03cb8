"""`front settings` and `front schema`."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from frontispiece.cli.client.broker import find_broker
from frontispiece.cli.inspect.check import simulated
from frontispiece.cli.inspect.settings import Variable, declared_variables
from frontispiece.cli.project import Project
from frontispiece.settings import PROJECT_FILE
from tests.support import front
from tests.support.shop import ROOT
from tests.support.tables import route, route_table

TOML = re.compile(r"```toml\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def schema() -> jsonschema_rs.Validator:
    """The schema of the shop's route table."""
    return jsonschema_rs.validator_for(json.loads(front.run("schema").stdout))


def as_json(table: str) -> Any:
    return json.loads(json.dumps(tomllib.loads(table), default=str))


def test_settings_name_their_values_and_where_these_come_from() -> None:
    printed = front.run("settings", "gateway", "--json", GATEWAY_MAX_IN_FLIGHT="7").stdout

    rows = {row["variable"]: row for row in json.loads(printed)}
    assert rows["GATEWAY_MAX_IN_FLIGHT"]["value"] == "7"
    assert {
        name: rows[name]["source"]
        for name in ("GATEWAY_MAX_IN_FLIGHT", "ISSUER_AUDIENCE", "GATEWAY_MAX_HEADER_FIELDS")
    } == {
        "GATEWAY_MAX_IN_FLIGHT": "environment",
        "ISSUER_AUDIENCE": "front up",
        "GATEWAY_MAX_HEADER_FIELDS": "default",
    }
    assert all(row["description"] for row in rows.values())


def test_a_variable_that_sets_several_things_is_listed_once_with_what_each_of_them_is() -> None:
    listed = json.loads(front.run("settings", "--json").stdout)

    assert all(row["description"] for row in listed)
    names = [(row["app"], row["variable"]) for row in listed]
    assert len(names) == len({*names})
    (shared,) = [row for row in listed if row["variable"] == "GATEWAY_VALKEY_URL"]
    assert "counts of clients" in shared["description"]
    assert "gateways share" in shared["description"]


def test_a_secret_file_goes_before_what_front_up_sets_as_the_settings_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in ("settings", "cli.inspect.settings"):
        monkeypatch.setattr(f"frontispiece.{module}.SECRETS", tmp_path)
    (tmp_path / "things_ink").write_text("red")
    (tmp_path / "events_url").write_text("nats://elsewhere:4222")
    (tmp_path / PROJECT_FILE).write_text(
        '[environment]\nEVENTS_PREFIX = "things"\n[apps.things]\ncommand = ["things"]\n'
        'environment = { THINGS_INK = "blue" }\n'
    )
    project = Project.load(tmp_path)
    declared = declared_variables(project, "things")
    ink = Variable(name="THINGS_INK", description="", default=None, secret=False)
    run = simulated(project, tmp_path, tmp_path / "routes.toml")

    assert ink.source(declared) == str(tmp_path / "things_ink")
    assert run.environment("things")["THINGS_INK"] == "red"
    assert find_broker(project, tmp_path)[0] == "nats://elsewhere:4222"


def test_no_secret_is_shown() -> None:
    shown = front.run("settings", GATEWAY_SIGNING_KEY="a-secret-key")

    assert "GATEWAY_SIGNING_KEY" in shown.stdout
    assert "a-secret-key" not in shown.stdout


def test_every_app_with_a_factory_has_settings() -> None:
    rows = json.loads(front.run("settings", "--json").stdout)

    assert {"gateway", "bff-web", "catalog", "ordering", "identity"} <= {row["app"] for row in rows}


def test_an_unknown_app_is_refused_with_the_nearest() -> None:
    done = front.run("settings", "catlog")

    assert done.returncode == 1
    assert "catalog" in done.stderr


def test_the_schema_takes_every_table_of_the_shop_and_of_the_documentation(
    schema: jsonschema_rs.Validator,
) -> None:
    tables = {"the shop's": (ROOT / "gateway/routes.toml").read_text()}
    for page in (ROOT / "docs").rglob("*.md"):
        if page.name == "own-layers.md":  # its layer is not the shop's
            continue
        for number, text in enumerate(TOML.findall(page.read_text())):
            if "[[routes]]" in text:
                services = "" if "[services" in text else "[services.things]\nurl = 'http://things'\n"
                tables[f"{page.name} {number}"] = services + text

    errors = {name: [e.message for e in schema.iter_errors(as_json(text))] for name, text in tables.items()}

    assert len(errors) > 10
    assert {name: found for name, found in errors.items() if found} == {}


@pytest.mark.parametrize(
    "keys",
    [
        {"timout": "1s"},
        {"timeout": "1 second"},
        {"timeout": 1},
        {"auth": "basic"},
        {"to": {"service": "things"}},
        {"rate_limit": {"rate": "ten/second", "by": "address"}},
        {"rate_limit": {"rate": "10/second", "by": "phase of the moon"}},
        {"max_body_size": "1 megabyte"},
        {"methods": "GET"},
        {"retry": {"attemps": 2}},
        {"layers": {"client_version": {}}},
    ],
    ids=str,
)
def test_the_schema_refuses_what_the_gateway_refuses(
    schema: jsonschema_rs.Validator, keys: dict[str, Any]
) -> None:
    assert schema.is_valid(as_json(route_table(route("/a"))))

    assert not schema.is_valid(as_json(route_table(route("/a", **keys), services={"things": {}})))
