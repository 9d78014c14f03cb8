"""released.toml, the list of the versions of each client."""

from datetime import date

import pytest

from frontispiece.contracts import Released
from frontispiece.errors import ConfigError

TODAY = date(2026, 6, 1)


def listed(text: str) -> Released:
    return Released.parse(text.encode(), "released.toml")


def test_a_version_is_in_the_field_until_the_day_of_its_retirement() -> None:
    released = listed(
        """
        [[reader]]
        version = "1.0.0"
        released = 2025-01-01
        retired = 2026-06-01

        [[reader]]
        version = "1.1.0"
        released = 2025-02-01
        retired = 2026-06-02

        [[reader]]
        version = "2.0.0"

        [[writer]]
        version = "1.0.0"
        released = 2026-01-01
        """
    )

    assert [f"{each}: {each.state(TODAY)}" for each in released.in_field(TODAY)] == [
        "reader 1.1.0: released 2025-02-01",
        "reader 2.0.0: in development",
        "writer 1.0.0: released 2026-01-01",
    ]
    gone = released.find("reader", "1.0.0")
    assert gone
    assert gone.state(TODAY) == "retired 2026-06-01"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[[reader", "released.toml cannot be read: "),
        ('reader = "1.0.0"', "reader: its versions are tables, [[reader]]"),
        ('[reader]\nversion = "1.0.0"', "reader: its versions are tables, [[reader]]"),
        ('[[Reader]]\nversion = "1.0.0"', "'Reader' is no client's name"),
        ("[[reader]]", 'reader: version is like "1.2.0", and not None'),
        ('[[reader]]\nversion = ["1.0.0"]', "reader: version is like \"1.2.0\", and not ['1.0.0']"),
        (f"reader = {'[' * 5000}", "released.toml cannot be read: "),
        ('[[reader]]\nversion = "1.0"', "reader: version is like \"1.2.0\", and not '1.0'"),
        (
            '[[reader]]\nversion = "1.0.0"\nrelease = 2026-01-01',
            "unknown key release: did you mean 'released'?",
        ),
        ('[[reader]]\nversion = "1.0.0"\nreleased = "2026-01-01"', "released is a date like 2026-03-02"),
        (
            '[[reader]]\nversion = "1.0.0"\nreleased = 2026-01-01T00:00:00',
            "released is a date like 2026-03-02",
        ),
        ('[[reader]]\nversion = "1.0.0"\nretired = 2026-01-01', "it is retired without having been released"),
        (
            '[[reader]]\nversion = "1.0.0"\nreleased = 2026-01-02\nretired = 2026-01-01',
            "it is retired before it was released",
        ),
        ('[[reader]]\nversion = "1.0.0"\n[[reader]]\nversion = "1.0.0"', "reader: 1.0.0 has two entries"),
    ],
)
def test_what_the_list_cannot_say_is_refused(text: str, error: str) -> None:
    with pytest.raises(ConfigError) as refused:
        listed(text)

    assert len(refused.value.errors) == 1
    assert error in refused.value.errors[0]
