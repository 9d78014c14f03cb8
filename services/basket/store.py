"""What basket keeps: a Valkey hash for each owner, of pieces by sku beside the basket's version."""

import logging
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Self, cast
from urllib.parse import quote

import valkey.asyncio

from kit.valkey_client import client_of
from services.basket.model import MOST_ARTICLES, Basket, Full, combine

log = logging.getLogger(__name__)

ANSWERS_WITHIN = 1.0
"""Seconds for Valkey to take a connection, and to answer; and for one of the connections to become free."""

MOST_CONNECTIONS = 20

VERSION = ""
"""The hash's field for the version: no article has the empty name."""

# A new basket counts its versions from the clock: those of an earlier one never come again.
NOTE_CHANGE = """
local function note_change(basket, idle)
    if redis.call('HEXISTS', basket, '') == 0 then
        local time = redis.call('TIME')
        redis.call('HSET', basket, '', string.format('%.0f', time[1] * 1000000 + time[2]))
    end
    redis.call('HINCRBY', basket, '', 1)
    redis.call('PEXPIRE', basket, idle)
end
"""

# ARGV: how long a changed basket is kept, in ms; the most articles; 1 when more pieces stay as they are;
# then sku and pieces in turn. Looks first and writes after: what a script has done is never undone.
CHANGE = (
    NOTE_CHANGE
    + """
local basket, idle, most, keep_more = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local articles = math.max(0, redis.call('HLEN', basket) - 1)
local changes = {}
for i = 4, #ARGV, 2 do
    local sku, pieces = ARGV[i], tonumber(ARGV[i + 1])
    local held = tonumber(redis.call('HGET', basket, sku) or 0)
    if pieces ~= held and not (keep_more and held > pieces) then
        changes[#changes + 1] = {sku, pieces}
        articles = articles + (held == 0 and 1 or 0) - (pieces == 0 and 1 or 0)
    end
end
if #changes > 0 then
    if articles > most then
        return false
    end
    for _, change in ipairs(changes) do
        local sku, pieces = unpack(change)
        if pieces == 0 then
            redis.call('HDEL', basket, sku)
        else
            redis.call('HSET', basket, sku, pieces)
        end
    end
    if articles == 0 then
        redis.call('DEL', basket)
    else
        note_change(basket, idle)
    end
end
return redis.call('HGETALL', basket)
"""
)

# KEYS: a user's basket and a guest's. ARGV: how long a changed basket is kept, in ms; the most articles; then
# the guest's articles, in the order in which they find room. Both baskets change at once or not at all.
ADOPT = (
    NOTE_CHANGE
    + """
local basket, guest, idle, most = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2])
local articles = math.max(0, redis.call('HLEN', basket) - 1)
local changed = false
for i = 3, #ARGV do
    local sku = ARGV[i]
    local pieces = tonumber(redis.call('HGET', guest, sku) or 0)
    local held = tonumber(redis.call('HGET', basket, sku) or 0)
    if pieces > 0 and (held > 0 or articles < most) then
        if pieces > held then
            redis.call('HSET', basket, sku, pieces)
            changed = true
        end
        articles = articles + (held == 0 and 1 or 0)
        redis.call('HDEL', guest, sku)
    end
end
if redis.call('HLEN', guest) <= 1 then
    redis.call('DEL', guest)
end
if changed then
    note_change(basket, idle)
end
return redis.call('HGETALL', basket)
"""
)


class Unavailable(Exception):
    """Valkey cannot be reached, or does not answer in time."""


class Store:
    """Baskets in one Valkey server; made without I/O, closed with `async with`. Every method is atomic.

    Each raises `Unavailable` when the server is, and may be tried again then.

    Args:
        url: `unix://path`, `valkey://host:port/number` or, with TLS, `valkeys://…`.
        idle: how long a basket is kept after its last change.
    """

    def __init__(self, url: str, *, idle: timedelta) -> None:
        self._client = client_of(
            url, answers_within=ANSWERS_WITHIN, connections=MOST_CONNECTIONS, decode_responses=True
        )
        self._script = self._client.register_script(CHANGE)
        self._adoption = self._client.register_script(ADOPT)
        self._idle_ms = idle // timedelta(milliseconds=1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._client.aclose()

    async def ping(self) -> None:
        """Return when the server answers."""
        async with _answering():
            await self._client.ping()

    async def basket(self, owner: str) -> Basket:
        """An owner's basket; an empty one when there is none."""
        async with _answering():
            kept = await cast(Awaitable[dict[str, str]], self._client.hgetall(_key(owner)))
        return _basket(owner, kept)

    async def put(self, owner: str, sku: str, quantity: int) -> Basket:
        """Have so many pieces of one article, however many there were.

        Raises:
            Full: there is no room for another article.
        """
        return await self._change(owner, {sku: quantity})

    async def remove(self, owner: str, sku: str) -> Basket:
        """Have none of one article."""
        return await self._change(owner, {sku: 0})

    async def merge(self, owner: str, lines: Iterable[tuple[str, int]]) -> Basket:
        """Of each article have as many pieces as here or there, whichever is more.

        Raises:
            Full: both together have too many articles; nothing was changed.
        """
        return await self._change(owner, combine(lines), keep_more=True)

    async def adopt(self, owner: str, guest: str) -> Basket:
        """The owner's basket with what a guest's held, of which only what finds no room is left there."""
        brought = (await self.basket(guest)).pieces
        arguments: list[str | int] = [self._idle_ms, MOST_ARTICLES, *brought]
        async with _answering():
            kept = cast(list[str], await self._adoption([_key(owner), _key(guest)], arguments))
        return _basket(owner, _pairs(kept))

    async def delete(self, owner: str) -> None:
        """Forget an owner's basket; doing it again changes nothing."""
        async with _answering():
            await self._client.unlink(_key(owner))

    async def _change(self, owner: str, pieces: Mapping[str, int], *, keep_more: bool = False) -> Basket:
        arguments = [self._idle_ms, MOST_ARTICLES, int(keep_more)]
        lines = [part for line in pieces.items() for part in line]
        async with _answering():
            kept = cast(list[str] | None, await self._script([_key(owner)], [*arguments, *lines]))
        if kept is None:
            raise Full
        return _basket(owner, _pairs(kept))


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except (valkey.ConnectionError, valkey.TimeoutError) as fault:
        log.warning("Valkey does not answer: %s", fault)
        raise Unavailable(str(fault)) from fault


def _pairs(kept: list[str]) -> dict[str, str]:
    return dict(zip(kept[::2], kept[1::2], strict=True))


def _key(owner: str) -> str:
    return f"basket:{quote(owner, safe='')}"


def _basket(owner: str, kept: Mapping[str, str]) -> Basket:
    pieces = {sku: int(quantity) for sku, quantity in sorted(kept.items()) if sku != VERSION}
    return Basket(owner=owner, pieces=pieces, version=int(kept.get(VERSION, 0)))
