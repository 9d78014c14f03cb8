"""Publishing contracts and results to a Pact broker, for those who have one."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

import httpx

from frontispiece.contracts.verification import Verified
from frontispiece.errors import ConfigError

TIMEOUT: Final = 30.0
"""Seconds for one request."""

RESULTS: Final = "pb:publish-verification-results"
"""The link of a published pact that takes its results."""


def publish(url: str, token: str | None, rows: Sequence[Verified], revision: str) -> list[str]:
    """Publish every contract and what its verification found; returns what was published, in words.

    `revision` is the providers' version: the commit that was verified.

    Raises:
        ConfigError: the broker does not take it.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.Client(timeout=TIMEOUT, headers=headers) as http:
            return [_publish(http, url, row, revision) for row in rows]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ConfigError([f"the Pact broker at {url}: {error}"]) from None


def _publish(http: httpx.Client, broker: str, row: Verified, revision: str) -> str:
    pact = row.pact
    names = (quote(name, safe="") for name in (pact.provider, pact.client, pact.version))
    path = "pacts/provider/{}/consumer/{}/version/{}".format(*names)
    answer = http.put(
        urljoin(f"{broker.rstrip('/')}/", path),
        content=pact.source,
        headers={"Content-Type": "application/json"},
    )
    answer.raise_for_status()
    result = {
        "success": not row.breaches,
        "providerApplicationVersion": revision,
        "testResults": [{"description": each.screen, "reason": str(each)} for each in row.breaches],
    }
    http.post(_results_url(broker, answer.json()), json=result).raise_for_status()
    outcome = "failed" if row.breaches else "verified"
    return f"{pact.client} {pact.version} with {pact.provider}: {outcome}"


def _results_url(broker: str, published: dict[str, Any]) -> str:
    """Where the broker takes results, at its own origin: a token is for no one else."""
    href = published.get("_links", {}).get(RESULTS, {}).get("href")
    if href is None:
        raise ValueError(f"its answer has no link {RESULTS}")
    url = urljoin(broker, str(href))
    if urlsplit(url)[:2] != urlsplit(broker)[:2]:
        raise ValueError(f"its link {RESULTS} leads elsewhere: {url}")
    return url
