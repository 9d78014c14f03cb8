"""The transport for services without TLS: HTTP/1.1 on asyncio and httptools, fast with small responses.

transport.py        send: an exchange within its timeout
pool.py             the connections
connection.py       one of them: exchanges, backpressure, the body of a response that is streamed
upload.py           the body of a request on its way
request_writer.py   encodes requests
response_parser.py  parses responses
response_head.py    parses their heads
"""

from frontispiece.upstream.transports.http1.transport import Http1Transport

__all__ = ["Http1Transport"]
