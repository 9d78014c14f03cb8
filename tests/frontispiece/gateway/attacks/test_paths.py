"""Paths that could lead elsewhere behind the gateway, at a running one, byte for byte."""

from tests.frontispiece.gateway.attacks.conftest import Attacked
from tests.support.recorder import statuses

PATHS = [
    b"/files/..%2f..%2fadmin",
    b"/files/%2e%2e/admin",
    b"/files/../admin",
    b"/files/.%2e/x",
    b"/files/./x",
    b"//files/a",
    b"/files//a",
    b"/files/..;/admin",
    b"/files/..;x=1/admin",
    b"/files/%2e%2e%3b/admin",
    b"/files/a%00.png",
    b"/files/%0d%0aX-A:%20b",
    b"/files/a%5cb",
    b"/files/a\\b",
    b"/files/%c0%ae%c0%ae/x",
    b"/files/%e0%80%af",
    b"/files/%ff",
    b"/files/%zz",
    b"/files/%",
]


async def test_a_path_that_could_lead_elsewhere_reaches_no_service(attacked: Attacked) -> None:
    for path in PATHS:
        answer = await attacked.say(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

        assert statuses(answer) == [400], path
        assert b"urn:frontispiece:problem:" in answer, path
        assert not attacked.upstream.bytes, path


async def test_what_another_reader_would_trim_makes_no_other_route(attacked: Attacked) -> None:
    for path in (b"/files;x=1/a", b"/FILES/a", b"/files%20/a", b"/inside", b"/inside/"):
        answer = await attacked.say(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

        assert statuses(answer) == [404], path
        assert not attacked.upstream.bytes, path
