"""What the Valkey server does in one go.

Times are in ms, but those of logouts in seconds, as the issuer tells them; it is always a gateway that says
what time it is. A mark holds a word of its maker's own, so that a command that was sent twice still made it.
"""

from typing import Final

# A session, which lasts for its idle time from now on, but not beyond its end.
# KEYS: the session. ARGV: now.
FIND: Final = """
local kept = redis.call('GET', KEYS[1])
if not kept then
    return false
end
local idle, ends = string.match(kept, '^(%d+) (%d+) ')
local left = math.min(idle or 0, (ends or 0) - ARGV[1])
if left <= 0 then
    redis.call('UNLINK', KEYS[1])
    return false
end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', left))
return kept
"""

# A changed session in the place of the one that it was made of; 0 when that is no longer there.
# KEYS: the session. ARGV: as it was; as it is to be.
CHANGE: Final = """
local kept = redis.call('GET', KEYS[1])
if kept == ARGV[2] then
    return 1
end
if kept ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
"""

# A new session of a user, once for each login, unless that has ended at the issuer already.
# KEYS: the session; what marks the login as used; who has logged out; the index of the login's sessions and
# that of the user's; then sessions that this one takes the place of.
# ARGV: the session; ms it lasts; a word of the caller's own; ms the mark lasts; now; when the session ends;
# the oldest logout that counts; when the tokens were made; the login's and the user's names in the third key;
# the channel.
CREATE: Final = """
local mark = redis.call('SET', KEYS[2], ARGV[3], 'NX', 'GET', 'PX', ARGV[4])
if mark and mark ~= ARGV[3] then
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
    redis.call('ZADD', KEYS[i], ARGV[6], KEYS[1])
    local left = ARGV[6] - ARGV[5]
    if redis.call('PTTL', KEYS[i]) < left then
        redis.call('PEXPIRE', KEYS[i], string.format('%.0f', left))
    end
end
for i = 6, #KEYS do
    redis.call('UNLINK', KEYS[i])
    redis.call('PUBLISH', ARGV[11], cjson.encode({key = KEYS[i]}))
end
return 'made'
"""

# The end of all sessions of a login, or of a user; 0 when this was asked for before.
# KEYS: what marks the request as used; the index; who has logged out.
# ARGV: a word of the caller's own; ms the mark lasts; the name in the third key; when; the oldest logout that
# counts; ms that it counts; the channel; what is told there.
END_LOGIN: Final = """
local mark = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'GET', 'PX', ARGV[2])
if mark and mark ~= ARGV[1] then
    return 0
end
for _, session in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    redis.call('UNLINK', session)
end
redis.call('UNLINK', KEYS[2])
redis.call('ZADD', KEYS[3], 'GT', ARGV[4], ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[6])
redis.call('PUBLISH', ARGV[7], ARGV[8])
return 1
"""

# KEYS: a lock. ARGV: the word that its holder put there.
UNLOCK: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
"""
