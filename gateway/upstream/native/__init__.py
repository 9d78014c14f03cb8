"""The transport for services in the clear: HTTP/1.1 on asyncio and httptools, quick with small answers.

transport.py   send: an exchange with its time, repeated where a kept connection turned out closed
pool.py        which connection: bounds, a fair wait, the end of idle ones
connection.py  one socket: bytes to an answer, an answer to a reply, back-pressure both ways
opening.py     the bytes of a request
answer.py      what the bytes of an answer mean, or that they mean nothing
chunked.py     bodies in chunks, both ways
body.py        the rest of an answer, for whoever reads it as it comes
"""

from gateway.upstream.native.transport import NativeTransport

__all__ = ["NativeTransport"]
