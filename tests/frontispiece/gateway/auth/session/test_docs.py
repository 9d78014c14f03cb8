"""Who may call a route is in the description of the edge, and so are the session's own endpoints."""

import schemathesis

from tests.support.sessions import ORIGIN, SESSION, World


async def test_sessions_and_tokens_are_in_the_description_with_what_they_demand(world: World) -> None:
    browser = world.browser(await world.gateway())
    document = (await browser.fetch(f"{ORIGIN}/openapi.json")).json()

    schemathesis.openapi.from_dict(document).validate()
    paths = document["paths"]
    schemes = document["components"]["securitySchemes"]
    assert (schemes["session"]["in"], schemes["session"]["name"]) == ("cookie", SESSION)
    assert schemes["bearer"]["scheme"] == "bearer"
    assert paths["/phone"]["get"]["security"] == [{"bearer": []}]
    assert paths["/web/mine"]["get"]["security"] == [{"session": []}]
    assert paths["/web/shown"]["get"]["security"] == [{}, {"session": []}]
    demanded = {
        (path, method): operation["parameters"][0]["required"]
        for path, operations in paths.items()
        for method, operation in operations.items()
        if any(each["name"] == "X-CSRF" for each in operation["parameters"])
    }
    assert demanded.pop(("/web/shown", "get")) is False
    assert demanded.pop(("/web/session/user", "get")) is False
    assert demanded.keys() > {("/web/mine", "get"), ("/web/shown", "post"), ("/web/session/logout", "post")}
    assert all(demanded.values())
    assert ("/phone", "get") not in demanded
    assert [path for path in paths if path.startswith("/web/session")] == [
        f"/web/session/{name}" for name in ("login", "logout", "user")
    ]
