"""What `front check` says of tables that serve but mostly should not."""

from typing import Any

import pytest

from gateway import table
from gateway.audit import Finding, Severity, audit
from gateway.route import Auth, Route

SERVICE = '[services.a]\nurl = "http://a"\n'

SOUND = """
[[routes]]
path = "/x"
to = "a"
auth = "none"
timeout = "3s"
limit = { rate = "5/second", by = "address" }
"""

SESSION = """
[session]
limit = { rate = "5/second", by = "address" }
"""


def found(text: str) -> list[str]:
    """Each finding's severity and place."""
    return [f"{finding.severity} {finding.place}" for finding in audit(table.parse(SERVICE + text))]


def test_a_sound_table_has_no_findings() -> None:
    assert audit(table.parse(SERVICE + SESSION + SOUND)) == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_route_by_which_anybody_may_write_is_a_warning(method: str) -> None:
    [finding] = audit(table.parse(SERVICE + SOUND + f'methods = ["GET", "{method}"]\n'))

    assert (finding.severity, finding.place) == ("warning", "route 1 (/x)")
    assert method in finding.reason
    assert "auth" in finding.reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SOUND.replace("limit =", "#"), "warning route 1 (/x)"),
        (SOUND.replace("timeout =", "#"), "warning route 1 (/x)"),
        (SOUND.replace('"3s"', '"121s"'), "warning route 1 (/x)"),
        (SOUND.replace('"none"', '"service"'), "info route 1 (/x)"),
        (SESSION.replace("limit =", "#") + SOUND, "warning session"),
        (SESSION + 'lasts = "31d"\n' + SOUND, "warning session"),
    ],
    ids=["no-limit", "no-timeout", "long-timeout", "service-auth", "session-without-limit", "long-session"],
)
def test_each_of_these_is_one_finding(text: str, expected: str) -> None:
    assert found(text) == [expected]


def test_a_timeout_of_two_minutes_is_not_yet_too_long() -> None:
    assert found(SOUND.replace('"3s"', '"2m"')) == []


def test_findings_come_in_the_tables_order_and_say_their_place() -> None:
    worse = SOUND.replace("/x", "/y").replace("limit =", "#") + 'methods = ["POST"]\n'

    assert found(SESSION.replace("limit =", "#") + SOUND + worse) == [
        "warning session",
        "warning route 2 (/y)",
        "warning route 2 (/y)",
    ]


class Policy:
    """A policy of a version that has it."""

    def __init__(self, **members: Any) -> None:
        self.__dict__ |= members


def with_policy(auth: Auth, **policies: Policy) -> list[str]:
    """What is found of a route with these policies, whether or not this version's routes have them."""
    [route] = table.parse(SERVICE + SOUND).routes

    class Later(Route):
        """A route as a later version has it."""

        cors: Any = None
        cache: Any = None

    known = {name: getattr(route, name) for name in Route.model_fields}
    later = Later.model_construct(_fields_set={"timeout"}, **(known | {"auth": auth} | policies))
    sound = table.parse(SERVICE + SOUND).model_copy(update={"routes": (later,)})
    return [str(finding.severity) for finding in audit(sound)]


@pytest.mark.parametrize(
    ("auth", "cors", "severities"),
    [
        (Auth.NONE, Policy(origins=("https://shop.test",)), []),
        (Auth.NONE, Policy(origins=("*",)), []),
        (Auth.BEARER, Policy(origins=("*",)), ["warning"]),
        (Auth.BEARER, Policy(origins="*"), ["warning"]),
        (Auth.SESSION, Policy(origins=("*",), credentials=True), ["error"]),
        (Auth.SESSION, Policy(origins=("https://shop.test",), credentials=True), []),
    ],
)
def test_cors_that_is_wide_is_found(auth: Auth, cors: Policy, severities: list[str]) -> None:
    assert with_policy(auth, cors=cors) == severities


@pytest.mark.parametrize(
    ("auth", "cache", "severities"),
    [
        (Auth.NONE, Policy(), []),
        (Auth.BEARER, Policy(), ["warning"]),
        (Auth.SESSION, Policy(public=False), ["warning"]),
        (Auth.SESSION, Policy(public=True), ["info"]),
    ],
)
def test_a_cache_for_private_answers_is_found(auth: Auth, cache: Policy, severities: list[str]) -> None:
    assert with_policy(auth, cache=cache) == severities


def test_a_finding_is_a_sentence_with_its_place() -> None:
    finding = Finding(Severity.INFO, "route 1 (/x)", "so it is")

    assert str(finding) == "route 1 (/x): so it is"
