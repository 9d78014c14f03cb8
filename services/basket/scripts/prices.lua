-- Keeps copies of catalog's prices: of each article, the one of the latest version.
--
-- KEYS: 1 the copies, a hash by sku: version and price, such as '7 1999 EUR'; without a price it is no longer sold
-- ARGV: sku, version and price in turn; the version is 0 where catalog was asked, and that replaces no price

for i = 1, #ARGV, 3 do
    local sku, version, price = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    local stored, copy = string.match(redis.call('HGET', KEYS[1], sku) or '0', '^(%d+) ?(.*)$')
    if version == '0' then
        version = copy == '' and stored or nil
    elseif tonumber(version) <= tonumber(stored) then
        version = nil
    end
    if version then
        redis.call('HSET', KEYS[1], sku, price == '' and version or version .. ' ' .. price)
    end
end
