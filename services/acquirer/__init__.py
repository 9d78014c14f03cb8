"""The acquirer: a fake of the world outside, which authorises cards and moves money.

It is no part of a shop in production: there, payment calls the acquirer that the shop has a contract with.
This one is an app of its own, with a ledger that says what was charged in truth, and with switches
for its faults. Every endpoint needs an internal token, where a real one would have keys of its own.
"""
