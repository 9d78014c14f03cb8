"""A shared HTTP cache (RFC 9111) with request collapsing.

`layer` is what a call passes. `entry` is a stored response, `storing` decides what becomes one, `serving`
whether it is used. `store` has all of them, in its `backends`. `collapsing` makes one request of concurrent
ones.
"""
