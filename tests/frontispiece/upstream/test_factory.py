import pytest

from frontispiece.errors import ConfigError
from frontispiece.settings import Directory
from frontispiece.upstream import Request, Unreachable, open_upstream
from frontispiece.upstream.factory import url_error, url_errors
from tests.support.serving import nobody_there, servers
from tests.support.stub import Stub, answering

DIRECTORY = Directory(
    services={
        "mounted": f"app://{__name__}:make",
        "loop": "registry://mounted",
        "broken": "catalog:8000",
        "deep": "http://catalog/base",
        "several": "http://a:1, http://b:1",
        "some": "http://a:1,",
        "twice": "http://a:1,http://a:1/",
        "mixed": "http://a:1,app://gateway.app:create_app",
    }
)


def make() -> Stub:
    """The factory that the directory names."""
    return Stub(answering(200, b"mounted"))


async def content(name: str, url: str, directory: Directory = DIRECTORY) -> bytes:
    async with open_upstream(name, url, directory) as upstream:
        assert upstream.name == name
        async with await upstream.send(Request(method="GET", target="/a")) as reply:
            return await reply.read(100)


async def test_an_address_on_the_network_is_reached_there() -> None:
    async with servers() as serve:
        url = await serve(Stub(answering(200, b"served")))

        assert await content("things", url) == b"served"
        assert await content("things", url + "/") == b"served"
        assert await content("things", "httpx+" + url) == b"served"
        assert await content("things", url.replace("http", "HTTP")) == b"served"
        assert await content("things", url.replace("http", "HttpX+HTTP")) == b"served"
        assert await content("things", "registry://things", Directory(services={"things": url})) == b"served"


async def test_an_app_is_mounted_by_its_factory_or_by_its_name_in_the_registry() -> None:
    assert await content("mounted", f"app://{__name__}:make") == b"mounted"
    assert await content("mounted", "registry://mounted") == b"mounted"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("registry://nobody", "SERVICES names no address for 'nobody'"),
        ("registry://loop", "SERVICES: loop: 'registry://mounted' leads back to the registry"),
        ("registry://broken", "SERVICES: broken: 'catalog:8000' is no address: it begins with none of"),
        ("registry://deep", "SERVICES: deep: 'http://catalog/base' is more than a scheme, a host and a port"),
        ("registry://some", "SERVICES: some: '' is no address"),
        ("registry://twice", "SERVICES: twice: an address is there twice"),
        ("registry://mixed", "SERVICES: mixed: 'app://gateway.app:create_app' cannot be one of several"),
        ("app://nowhere.at.all:create_app", "cannot be imported: No module named 'nowhere'"),
        ("app://gateway.app:nothing", "cannot be imported: .* no attribute 'nothing'"),
        ("app://gateway.app", "cannot be imported"),
    ],
)
def test_an_invalid_address_is_refused_before_anything_is_opened(url: str, message: str) -> None:
    with pytest.raises((LookupError, ConfigError), match=message):
        open_upstream("things", url, DIRECTORY)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "begins with none of"),
        ("catalog", "begins with none of"),
        ("catalog:8000", "begins with none of"),
        ("HTTP//catalog", "begins with none of"),
        ("httpx+https://catalog", "begins with none of"),
        ("httpx+http://catalog/path", "more than a scheme"),
        ("http:///", "names no host"),
        ("http://:8000", "names no host"),
        ("registry://", "names no host"),
        ("app://", "names no host"),
        ("http://catalog:0", "names port 0"),
        ("http://catalog:70000", "Port out of range"),
        ("http://catalog:eighty", "Port could not be cast"),
        ("http://[::1", "Invalid IPv6"),
        ("http://catalog/path", "more than a scheme"),
        ("http://catalog?q=1", "more than a scheme"),
        ("http://user:password@catalog", "more than a scheme"),
    ],
)
def test_an_invalid_url_is_refused(url: str, message: str) -> None:
    error = url_error(url)

    assert error is not None
    assert error.startswith(repr(url))
    assert message in error


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        (["http://a:1", "http://b:1", "http://a:2"], []),
        *(
            ([url], [])
            for url in (
                "http://a",
                "http://a:1/",
                "https://a.test",
                "httpx+http://a:1",
                "h2://a:1",
                "http://[::1]:80",
                "registry://a",
                "registry://a@2",
                "dns://a:1",
                "srv://_http._tcp.a",
                "app://a.b:c",
            )
        ),
        (["gopher://a", "http://b", "http://"], ["'gopher://a' is no address", "'http://' names no host"]),
        (["http://a", "dns://b:1"], ["'dns://b:1' cannot be one of several"]),
        (["http://a", "registry://b"], ["'registry://b' cannot be one of several"]),
        (["app://a:b", "app://a:c"], ["'app://a:b' cannot be one", "'app://a:c' cannot be one"]),
        (["http://a", "https://a"], ["several addresses are of one kind, not http and https"]),
        (["http://a", "http://a/"], ["an address is there twice"]),
        (["http://a", "HTTP://A:80"], ["an address is there twice"]),
        (["httpx+http://a", "httpx+http://a:"], ["an address is there twice"]),
        (["https://a:443", "https://A"], ["an address is there twice"]),
        (["https://a:80", "https://a"], []),
    ],
)
def test_several_addresses_have_one_scheme_and_no_duplicates(urls: list[str], message: list[str]) -> None:
    errors = list(url_errors(urls))

    assert len(errors) == len(message)
    assert all(what in error for error, what in zip(errors, message, strict=True)), errors


async def test_whether_a_service_is_ready_is_its_own_word() -> None:
    stub = Stub()
    async with servers() as serve, open_upstream("things", await serve(stub), DIRECTORY) as upstream:
        assert await upstream.is_ready()
        stub.ready = False
        assert not await upstream.is_ready()
    async with open_upstream("things", nobody_there(), DIRECTORY) as upstream:
        with pytest.raises(Unreachable):
            await upstream.is_ready()
