-- One owner's basket and claims: each call is one operation, carried out as a whole.
--
-- KEYS: 1 the basket, a hash: quantity and price by sku, and the version at the empty sku
--       2 the owner's open claims, a hash: records in MessagePack by order id
--       3 the copies of prices, a hash by sku
--       4 what an operation needs besides: a guest's basket, or the key of an event in the inbox
--       5 what has become of the order that an operation is about: the record of its claim, once it is placed or cancelled
-- ARGV: 1 the operation, 2 its arguments in MessagePack, 3 the limits and times in MessagePack
-- Returns in MessagePack: outcome, version, lines, lines that wait for room, the operation's own result
--
-- A claim's record has a `state`: held (its lines are out of the basket), returned, placed or cancelled; the `lines`
-- of its first response and the basket's `version` of then; lines that are `waiting` for room in the basket; and
-- `ends`, the time at which a held claim is returned. A claim is open while it is held or lines wait; of a returned
-- one that is no longer open nothing is kept. All times are in microseconds.
--
-- What a script has written is never undone: an operation that may refuse reads first and writes after.

local basket, claims, prices, other = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local args, limits = cmsgpack.unpack(ARGV[2]), cmsgpack.unpack(ARGV[3])
local changed = false

local function articles()
    return redis.call('HLEN', basket) - redis.call('HEXISTS', basket, '')
end

-- The quantity of an article in a basket, and what it cost when it was put in, such as '1999 EUR' ('' if unknown).
local function line(of, sku)
    local quantity, price = string.match(redis.call('HGET', of, sku) or '0', '^(%d+) ?(.*)$')
    return tonumber(quantity), price
end

local function write(sku, quantity, price)
    if quantity == 0 then
        redis.call('HDEL', basket, sku)
    else
        redis.call('HSET', basket, sku, price == '' and quantity or quantity .. ' ' .. price)
    end
    changed = true
end

local function current_price(sku)
    return string.match(redis.call('HGET', prices, sku) or '', '^%d+ (.+)$') or ''
end

-- Put lines into the basket as far as there is room; returns the rest.
local function give(lines)
    local rest = {}
    for _, each in ipairs(lines) do
        local sku, quantity, price = unpack(each)
        local current, first_price = line(basket, sku)
        local room = limits.quantity - current
        if current == 0 and articles() >= limits.articles then
            room = 0
        end
        local given = math.min(room, quantity)
        if given > 0 then
            write(sku, current + given, current > 0 and first_price or price)
        end
        if given < quantity then
            rest[#rest + 1] = {sku, quantity - given, price}
        end
    end
    return rest
end

local function record_of(order)
    local record = redis.call('HGET', claims, order) or redis.call('GET', KEYS[5])
    return record and cmsgpack.unpack(record) or {state = 'returned', lines = {}, waiting = {}}
end

local function save(order, record)
    if record.state == 'held' or #record.waiting > 0 then
        redis.call('HSET', claims, order, cmsgpack.pack(record))
        redis.call('PEXPIRE', claims, limits.idle_ms)
    else
        redis.call('HDEL', claims, order)
    end
end

local function end_claim(order, record, state)
    record.state = state
    local ended = cmsgpack.pack({state = state, lines = record.lines, waiting = {}})
    redis.call('SET', KEYS[5], ended, 'PX', limits.remember_ms)
    save(order, record)
end

-- Give lines back. A basket that is as it was when they were claimed has its version of then again: who has seen that
-- version may claim it anew.
local function return_lines(record)
    local is_as_before = record.state == 'held' and articles() == 0 and #record.waiting == 0
    for _, each in ipairs(record.lines) do
        table.insert(record.waiting, each)
    end
    record.state, record.waiting = 'returned', give(record.waiting)
    if is_as_before then
        redis.call('HSET', basket, '', record.version)
        redis.call('PEXPIRE', basket, limits.idle_ms)
        changed = false
    end
end

-- Return the claims whose time is over, and what has room by now.
local function settle()
    local fields = redis.call('HGETALL', claims)
    for i = 1, #fields, 2 do
        local order, record = fields[i], cmsgpack.unpack(fields[i + 1])
        if record.state ~= 'held' then
            record.waiting = give(record.waiting)
            save(order, record)
        elseif record.ends <= limits.now then
            return_lines(record)
            save(order, record)
        end
    end
end

-- Remove what waits for room, of one article or (nil) of all.
local function drop_waiting(sku)
    local fields = redis.call('HGETALL', claims)
    for i = 1, #fields, 2 do
        local record, kept = cmsgpack.unpack(fields[i + 1]), {}
        for _, each in ipairs(record.waiting) do
            if sku and each[1] ~= sku then
                kept[#kept + 1] = each
            end
        end
        if #kept < #record.waiting then
            record.waiting, changed = kept, true
            save(fields[i], record)
        end
    end
end

-- The ordered lines are the order's: first those of its claim, then, where that was returned, those in the basket.
local function place(record, ordered)
    local out, prices_of = record.waiting, {}
    for _, each in ipairs(record.lines) do
        prices_of[each[1]] = each[3]
        if record.state == 'held' then
            table.insert(out, each)
        end
    end
    local quantities, rest = {}, {}
    for _, each in ipairs(out) do
        quantities[each[1]] = (quantities[each[1]] or 0) + each[2]
    end
    record.lines = {}
    for _, each in ipairs(ordered) do
        local sku, quantity = unpack(each)
        local current, price = line(basket, sku)
        local claimed = math.min(quantities[sku] or 0, quantity)
        local taken = math.min(current, quantity - claimed)
        quantities[sku] = (quantities[sku] or 0) - claimed
        if taken > 0 then
            write(sku, current - taken, price)
        end
        record.lines[#record.lines + 1] = {sku, quantity, prices_of[sku] or price}
    end
    for _, each in ipairs(out) do
        local sku, quantity, price = unpack(each)
        local left = math.min(quantities[sku], quantity)
        quantities[sku] = quantities[sku] - left
        if left > 0 then
            rest[#rest + 1] = {sku, left, price}
        end
    end
    record.state, record.waiting = 'placed', give(rest)
end
