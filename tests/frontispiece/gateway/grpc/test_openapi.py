"""Routes to methods of gRPC in the document of the edge, with what the descriptors say."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis

from tests.frontispiece.gateway.grpc.library import ROUTES, table_with
from tests.support.serving import Serve, client_of, nobody_there
from tests.support.tables import route, route_table
from tests.support.world import gateway_of


async def test_routes_to_methods_are_described_with_parameters_and_schemas_of_their_messages(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = gateway_of(route_table(route("/a", to="b")), {"library": "127.0.0.1:1", "b": nobody_there()})
    gateway.runtime.docs = True
    async with client_of(await serve(gateway)) as http:
        native = route("/library.v1.Library/{method}", to="grpc://library")
        annotated = route("/w/{rest:path}", to="library:/v1/{rest:path}", methods=["GET", "POST"])
        assert await gateway.serve_table(table_with(tmp_path, *ROUTES, annotated, native))
        document = (await http.get("/openapi.json")).json()

    schemathesis.openapi.from_dict(document).validate()
    assert "OpenAPI" not in caplog.text
    assert not [path for path in document["paths"] if path.startswith("/library")]
    read, written = (document["paths"]["/books/{name}"][method] for method in ("get", "post"))
    known: dict[tuple[str, str], Any] = {
        (each["in"], each["name"]): each["schema"] for each in read["parameters"]
    }
    assert known["path", "name"] == {"type": "string"}
    assert known["query", "author.fullName"] == {"type": "string"}
    assert known["query", "lent"] == {"type": "boolean"}
    assert known["query", "copies"]["type"] == "string"  # 64 bits
    assert "KIND_NOVEL" in known["query", "kind"]["enum"]
    assert known["query", "printed"]["format"] == "date-time"
    assert not {("query", "name"), ("query", "ratings")} & known.keys()
    book = {"$ref": "#/components/schemas/library.library.v1.Book"}
    assert written["requestBody"]["content"]["application/json"]["schema"] == book
    assert read["responses"]["200"]["content"]["application/json"]["schema"] == book
    ratings = document["components"]["schemas"]["library.library.v1.Book"]["properties"]["ratings"]
    assert ratings["type"] == "object"
    news = document["paths"]["/news"]["get"]["responses"]["200"]["content"]
    assert set(news) == {"application/x-ndjson", "text/event-stream"}
    shelves = document["paths"]["/w/shelves/{shelf}/books"]["post"]
    assert [each["name"] for each in shelves["parameters"]] == ["shelf"]
    assert shelves["requestBody"]["content"]["application/json"]["schema"] == book
    assert set(document["paths"]["/w/shelves/{name}/books/{name2}"]) == {"get"}
