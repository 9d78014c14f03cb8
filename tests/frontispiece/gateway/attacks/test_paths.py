"""Paths that could lead elsewhere behind the gateway, at a running one, byte for byte."""

from frontispiece.testing import hostile_paths
from tests.frontispiece.gateway.attacks.conftest import Attacked
from tests.support.recorder import statuses


async def test_a_path_that_could_lead_elsewhere_reaches_no_service(attacked: Attacked) -> None:
    for path in hostile_paths("/files"):
        answer = await attacked.say(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

        assert statuses(answer) == [400], path
        assert b"urn:frontispiece:problem:" in answer, path
        assert not attacked.upstream.bytes, path


async def test_what_another_reader_would_trim_makes_no_other_route(attacked: Attacked) -> None:
    for path in (b"/files;x=1/a", b"/FILES/a", b"/files%20/a", b"/inside", b"/inside/"):
        answer = await attacked.say(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

        assert statuses(answer) == [404], path
        assert not attacked.upstream.bytes, path
