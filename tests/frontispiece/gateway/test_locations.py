"""What a service has made is found where it says, though its paths are not those of the gateway."""

from tests.support.stub import answering
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld

ROUTES = route_table(
    route("/shelf/things", to="things:/things", methods=["GET", "POST"]),
    route("/shelf/things/{id}", to="things:/things/{id}", methods=["PUT"]),
    route("/old/{id}/copies", to="things:/v2/copies", methods=["POST"]),
    route("/old/things", to="things:/v2/things", methods=["POST"]),
    route("/things", methods=["POST"]),
    route("/all/{rest:path}", to="things:/{rest:path}", methods=["POST"]),
)


async def test_a_services_path_in_location_becomes_the_gateways(open_world: OpenWorld) -> None:
    world = await open_world(ROUTES)
    for status in (201, 202, 303):
        for method, path, location, seen in [
            ("POST", "/shelf/things", "/things/7", "/shelf/things/7"),
            ("POST", "/shelf/things", "/other/7?a=/b#c", "/shelf/other/7?a=/b#c"),
            ("POST", "/shelf/things", "/", "/shelf/"),
            ("PUT", "/shelf/things/7", "/things/8", "/shelf/things/8"),
            ("POST", "/old/things", "/v2/things/7", "/old/things/7"),
            ("POST", "/old/things", "/v2", "/old"),
            ("POST", "/old/things", "/v22/things/7", "/v22/things/7"),
            ("POST", "/all/things", "/things/7", "/all/things/7"),
            ("POST", "/things", "/things/7", "/things/7"),
            ("POST", "/shelf/things", "/shelf/things/7", "/shelf/things/7"),
            ("POST", "/shelf/things", "things/7", "things/7"),
            ("POST", "/shelf/things", "//elsewhere.test/things/7", "//elsewhere.test/things/7"),
            ("POST", "/shelf/things", "https://elsewhere.test/things/7", "https://elsewhere.test/things/7"),
            ("POST", "/old/3/copies", "/v2/copies/7", "/v2/copies/7"),
        ]:
            world.things.answer = answering(status, b"", (b"location", location.encode()))

            response = await world.http.request(method, path)

            assert (response.status_code, response.headers["location"]) == (status, seen), path
