"""HTTP to one vendor: a pool of connections for the life of the process, and what goes wrong on them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as HTTPTimeout

from .errors import UpstreamError, timed_out
from .signing import Signer

CONNECT_SECONDS: Final = 5.0
_PIECE: Final = 64 * 1024
_POOL_SIZE: Final = 256
_HEADERS: Final = {
    "content-type": "application/json",
    "user-agent": "llmstrat-relay",
}  # urllib3 asks for no compression


class VendorHttp:
    """One vendor below `base_url`. With a signer every request is signed."""

    def __init__(self, base_url: str, signer: Signer | None = None) -> None:
        parts = urlsplit(base_url)
        self._pool = urllib3.connection_from_url(base_url, maxsize=_POOL_SIZE, block=False)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._prefix = parts.path.rstrip("/")
        self._signer = signer

    def post(
        self, path: str, body: bytes, *, deadline: float, headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """The vendor's answer, its body not read yet; UpstreamError if there is none before the deadline."""
        target = self._prefix + path
        sent = {**_HEADERS, **(headers or {})}
        if self._signer is not None:
            sent = self._signer.sign("POST", self._origin + target, sent, body)
        left = deadline - time.monotonic()
        if left <= 0:
            raise timed_out()
        try:
            return self._pool.urlopen(
                "POST",
                target,
                body,
                sent,
                retries=False,
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, left), read=left),
            )
        except (HTTPError, OSError) as error:
            raise _connection_error(error) from None


def _connection_error(error: Exception) -> UpstreamError:
    if isinstance(error, HTTPTimeout) and not isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return timed_out()
    return UpstreamError(502, "upstream_unreachable", "the model's vendor can't be reached", elsewhere=True, again=True)


def read_whole(response: urllib3.BaseHTTPResponse) -> bytes:
    """The whole body."""
    try:
        return response.data
    except HTTPTimeout:
        raise timed_out() from None
    except (HTTPError, OSError):
        raise broken_off() from None


def read_pieces(response: urllib3.BaseHTTPResponse) -> Iterable[bytes]:
    """What has arrived, as soon as it has. urllib3 1.26, which some Lambda runtimes have, lacks `read1`."""
    if not hasattr(response, "read1"):
        return response.stream(_PIECE)
    return iter(lambda: response.read1(_PIECE), b"")


def discard(response: urllib3.BaseHTTPResponse) -> None:
    """Give an answer up, read or not."""
    response.close()
    response.release_conn()


def abort(response: urllib3.BaseHTTPResponse) -> None:
    """End a read that another thread is blocked in: `close` would wait for it. `shutdown` came with urllib3 2.3."""
    shutdown = getattr(response, "shutdown", None)
    with suppress(ValueError, RuntimeError, OSError):  # the answer is complete and its connection is back in the pool
        if shutdown is not None:
            shutdown()
        else:
            sock = getattr(response.connection, "sock", None)
            if sock is not None:
                sock.shutdown(socket.SHUT_RD)


def broken_off() -> UpstreamError:
    """The vendor closed the connection within its answer."""
    return UpstreamError(502, "upstream_broken", "the model's vendor broke off its answer", elsewhere=True)
