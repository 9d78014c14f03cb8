"""What released versions of the client rely on, which no change may break."""

from web.app import create_app

from frontispiece.testing import Upstreams, VerifyContracts, staging


def there_is_a_note(upstreams: Upstreams) -> None:
    upstreams["notes"].get("/notes/1").respond(json={"id": "1", "text": "Buy ink"})


staged = staging({"web": create_app}, {"there is a note": there_is_a_note})


async def test_every_version_in_the_field_has_what_it_relies_on(verify_contracts: VerifyContracts) -> None:
    assert await verify_contracts(staged) == []
