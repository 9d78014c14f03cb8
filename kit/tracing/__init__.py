"""Spans by OpenTelemetry, made by hand where the time goes; imported only where traces are asked for.

Names and attributes are those of the semantic conventions for HTTP, databases and RPC.
No span says who calls: no query, no address of a client, no message of an exception.
"""
