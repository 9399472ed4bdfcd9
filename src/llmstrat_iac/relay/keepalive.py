"""Comments in a silent event stream, for a door that writes from one thread.

A second thread reads the vendor, because a blocked read can't be resumed after a time-out.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from .exchange import Body
from .sse import PING

_AHEAD: Final = 64  # pieces that may wait for a slow client
_LAST_WORDS: Final = 1.0  # seconds that a reader gets to settle and log


class PingedBody:
    """A body's pieces, and a comment after every `seconds` of silence."""

    def __init__(self, body: Body, seconds: float) -> None:
        self._body = body
        self._seconds = seconds
        self._pieces: queue.Queue[bytes | Exception | None] = queue.Queue(_AHEAD)
        self._gone = threading.Event()
        self._reader = threading.Thread(target=self._read, name="relay-reader", daemon=True)
        self._reader.start()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = self._pieces.get(timeout=self._seconds)
        except queue.Empty:
            return PING
        if isinstance(piece, bytes):
            return piece
        self._reader.join(_LAST_WORDS)
        raise StopIteration if piece is None else piece

    def is_full(self) -> bool:
        """Whether the reader waits for the client."""
        return self._pieces.full()

    def close(self) -> None:
        """End the reader and the body, wherever they are."""
        if not self._reader.is_alive():
            return
        self._gone.set()
        self._body.abort()
        with suppress(queue.Empty):
            while True:
                self._pieces.get_nowait()  # make room, so that a blocked reader goes on and sees `_gone`
        self._reader.join(_LAST_WORDS)

    def _read(self) -> None:
        end: Exception | None = None
        try:
            for piece in self._body:
                if self._gone.is_set():
                    break
                self._pieces.put(piece)
        except Exception as error:
            end = error
        finally:
            self._body.close()
        self._pieces.put(end)
