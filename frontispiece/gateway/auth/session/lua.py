"""The Lua scripts that Valkey runs atomically.

Times are in ms, those of logouts in seconds, as in the issuer's tokens; a gateway's clock is the only one. A
once-key holds a random token of its command, so that a command that was sent twice still succeeds.
"""

from typing import Final

# Read a session and restart its idle timeout, which ends with its absolute timeout at the latest.
# KEYS: the session. ARGV: now.
FIND: Final = """
local stored = redis.call('GET', KEYS[1])
if not stored then
    return false
end
local idle, ends = string.match(stored, '^(%d+) (%d+) ')
local left = math.min(idle or 0, (ends or 0) - ARGV[1])
if left <= 0 then
    redis.call('UNLINK', KEYS[1])
    return false
end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', left))
return stored
"""

# Compare and set: 0 when the session is another than expected.
# KEYS: the session. ARGV: the expected value; the new one.
CHANGE: Final = """
local stored = redis.call('GET', KEYS[1])
if stored == ARGV[2] then
    return 1
end
if stored ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
"""

# Create a user's session, once a login, unless the login has ended at the issuer. Members of indexes are
# `<issued> <key>`.
# KEYS: the session; the login's once-key; the logouts; the index of the login's sessions; that of the user's;
# then the sessions that this one replaces.
# ARGV: the session; its ms to live; the command's token; the once-key's ms to live; now; when the session
# ends; the oldest logout that counts; when the tokens were issued; the login's and the user's names among the
# logouts; the channel; the ms for which replaced sessions are remembered as such; the new
# session's login.
CREATE: Final = """
local used = redis.call('SET', KEYS[2], ARGV[3], 'NX', 'GET', 'PX', ARGV[4])
if used and used ~= ARGV[3] then
    return 'used'
end
local login, user = redis.call('ZSCORE', KEYS[3], ARGV[9]), redis.call('ZSCORE', KEYS[3], ARGV[10])
local oldest, made = tonumber(ARGV[7]), tonumber(ARGV[8])
if (login and tonumber(login) >= oldest) or (user and tonumber(user) >= math.max(oldest, made)) then
    return 'ended'
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
for i = 4, 5 do
    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', ARGV[5])
    redis.call('ZADD', KEYS[i], ARGV[6], ARGV[8] .. ' ' .. KEYS[1])
    local left = ARGV[6] - ARGV[5]
    if redis.call('PTTL', KEYS[i]) < left then
        redis.call('PEXPIRE', KEYS[i], string.format('%.0f', left))
    end
end
for i = 6, #KEYS do
    redis.call('UNLINK', KEYS[i])
    redis.call('SET', KEYS[i] .. ':replaced', ARGV[13], 'PX', ARGV[12])
    redis.call('PUBLISH', ARGV[11], cjson.encode({key = KEYS[i]}))
end
return 'made'
"""

# End the sessions of a login (`sid:`), or those of a user whose tokens were issued up to the logout; 0 when
# the once-key is there already.
# KEYS: the once-key; the index of the sessions; the logouts.
# ARGV: the command's token; the once-key's ms to live; the name among the logouts; when it ended; the oldest
# logout that counts; the ms that logouts count; the channel; the message.
END_LOGIN: Final = """
local used = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'GET', 'PX', ARGV[2])
if used and used ~= ARGV[1] then
    return 0
end
for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    local issued, session = string.match(member, '^(%S+) (%S+)$')
    if string.sub(ARGV[3], 1, 4) == 'sid:' or tonumber(issued or 0) <= tonumber(ARGV[4]) then
        redis.call('UNLINK', session or member) -- the key alone: of an earlier version
        redis.call('ZREM', KEYS[2], member)
    end
end
redis.call('ZADD', KEYS[3], 'GT', ARGV[4], ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[6])
redis.call('PUBLISH', ARGV[7], ARGV[8])
return 1
"""

# Release a lock. KEYS: the lock. ARGV: its holder's token.
UNLOCK: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
"""
