-- The operations on a basket; basket.lua stands before this, and says what their keys and arguments are.

-- Whether an event comes for the first time; the inbox then has it.
local function is_new_event()
    return redis.call('SET', other, '', 'NX', 'PX', limits.remember_ms) ~= false
end

local operations = {}

function operations.read()
    settle()
    return 'done'
end

-- args: `lines` of sku and quantity; `keep_larger` where a larger quantity stays as it is.
function operations.change()
    settle()
    local count, changes, unknown = articles(), {}, {}
    for _, each in ipairs(args.lines) do
        local sku, quantity = unpack(each)
        local current, price = line(basket, sku)
        if quantity ~= current and not (args.keep_larger and current > quantity) then
            count = count + (current == 0 and 1 or 0) - (quantity == 0 and 1 or 0)
            changes[#changes + 1] = {sku, quantity, current > 0 and price or current_price(sku)}
            if quantity > 0 and current_price(sku) == '' then
                unknown[#unknown + 1] = changes[#changes]
            end
        end
    end
    if #changes > 0 and count > limits.articles then
        return 'full'
    elseif #unknown > 0 then
        return 'unknown', unknown
    end
    if not args.keep_larger then
        for _, each in ipairs(args.lines) do
            drop_waiting(each[1])
        end
    end
    for _, change in ipairs(changes) do
        write(unpack(change))
    end
    return 'done'
end

-- Move the lines of the guest's basket that find room, by the larger quantity.
function operations.adopt()
    settle()
    local skus = redis.call('HKEYS', other)
    table.sort(skus)
    for _, sku in ipairs(skus) do
        local quantity, guests_price = line(other, sku)
        local current, price = line(basket, sku)
        if sku ~= '' and (current > 0 or articles() < limits.articles) then
            if quantity > current then
                write(sku, quantity, current > 0 and price or guests_price)
            end
            redis.call('HDEL', other, sku)
        end
    end
    if redis.call('HLEN', other) <= 1 then
        redis.call('DEL', other)
    end
    return 'done'
end

function operations.delete()
    settle()
    drop_waiting(nil)
    redis.call('DEL', basket)
    return 'done'
end

-- args: `order`; `version` of the basket, as text.
function operations.claim()
    settle()
    local record = record_of(args.order)
    if record.state == 'returned' then
        if articles() == 0 then
            return 'empty'
        elseif redis.call('HGET', basket, '') ~= args.version then
            return 'changed'
        end
        record.state, record.lines, record.version = 'held', {}, args.version
        for _, sku in ipairs(redis.call('HKEYS', basket)) do
            if sku ~= '' then
                record.lines[#record.lines + 1] = {sku, line(basket, sku)}
            end
        end
        redis.call('DEL', basket)
    end
    if record.state == 'held' then
        record.ends = limits.now + limits.claim
        save(args.order, record)
    end
    return 'done', record.lines
end

-- args: `order`.
function operations.release()
    settle()
    local record = record_of(args.order)
    if record.state == 'held' then
        return_lines(record)
        save(args.order, record)
    end
    return 'done'
end

-- args: `order`; its `lines` of sku and quantity.
function operations.placed()
    settle()
    if not is_new_event() then
        return 'handled'
    end
    local record = record_of(args.order)
    if record.state ~= 'placed' and record.state ~= 'cancelled' then
        place(record, args.lines)
        end_claim(args.order, record, 'placed')
    end
    return 'done'
end

-- args: `order`; its `lines` of sku and quantity; `restore` where they come back.
function operations.cancelled()
    settle()
    if not is_new_event() then
        return 'handled'
    end
    local record = record_of(args.order)
    if record.state ~= 'cancelled' then
        if record.state ~= 'placed' then
            place(record, args.lines)
        end
        if args.restore then
            return_lines(record)
        end
        end_claim(args.order, record, 'cancelled')
    end
    return 'done'
end

local outcome, own = operations[ARGV[1]]()

if changed then
    if articles() == 0 then
        redis.call('DEL', basket)
    else
        -- A new basket's versions start at the time: those of a deleted one never come again.
        if redis.call('HEXISTS', basket, '') == 0 then
            local time = redis.call('TIME')
            redis.call('HSET', basket, '', string.format('%.0f', time[1] * 1000000 + time[2]))
        end
        redis.call('HINCRBY', basket, '', 1)
        redis.call('PEXPIRE', basket, limits.idle_ms)
        redis.call('PEXPIRE', claims, limits.idle_ms)
    end
end

local lines, waiting = {}, {}
for _, sku in ipairs(redis.call('HKEYS', basket)) do
    if sku ~= '' then
        local quantity, price = line(basket, sku)
        lines[#lines + 1] = {sku, quantity, price, current_price(sku)}
    end
end
local records = redis.call('HVALS', claims)
for _, packed in ipairs(records) do
    for _, each in ipairs(cmsgpack.unpack(packed).waiting) do
        waiting[#waiting + 1] = {each[1], each[2]}
    end
end
return cmsgpack.pack({outcome, redis.call('HGET', basket, '') or '0', lines, waiting, own or {}})
