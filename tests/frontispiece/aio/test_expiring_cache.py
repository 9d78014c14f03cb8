from frontispiece.aio.expiring_cache import ExpiringCache
from tests.support.clock import Clock


def test_an_entry_is_found_until_it_expires() -> None:
    clock = Clock()
    cache: ExpiringCache[str, int] = ExpiringCache(10, clock)
    cache.put("a", 1, clock.now + 5)

    clock.advance(4.999)
    assert cache.get("a") == 1
    clock.advance(0.001)
    assert cache.get("a") is None


def test_a_full_cache_loses_its_oldest_entry() -> None:
    cache: ExpiringCache[str, int] = ExpiringCache(2, Clock())
    for key in ("a", "b", "a", "c"):
        cache.put(key, ord(key), 2000)

    assert [cache.get(key) for key in ("a", "b", "c")] == [ord("a"), None, ord("c")]
    assert len(cache) == 2


def test_a_sweep_removes_what_has_expired_and_says_when_the_next_one_is_due() -> None:
    clock = Clock()
    cache: ExpiringCache[str, int] = ExpiringCache(10, clock)
    for key, seconds in [("a", 1), ("b", 7), ("c", 3)]:
        cache.put(key, 0, clock.now + seconds)

    clock.advance(1)
    assert cache.sweep() == 2
    assert len(cache) == 2
    clock.advance(10)
    assert cache.sweep() is None
    assert len(cache) == 0
