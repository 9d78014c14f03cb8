"""A shared HTTP cache (RFC 9111) with request collapsing.

`layer` decides, by the rules in `entry` and `response`; `store` has the entries of the process, and with
`valkey_store` those of all gateways; `collapsing` makes one request of concurrent ones.
"""
