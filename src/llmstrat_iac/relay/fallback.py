"""Ordered fallbacks: which route is asked next, and when not to ask again.

Only used while the client has seen nothing of an answer. A vendor's verdict on the request itself (4xx) is final.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence

from .config import Route
from .errors import RelayError, UnsupportedError, UpstreamError
from .exchange import Call, Meter, Stream, Upstream

_PAUSE = (0.1, 0.4)  # seconds before the one retry on the last route


class Attempts:
    """The routes of one call, in order. `open` may be called again when a stream broke before its first event."""

    def __init__(
        self,
        call: Call,
        routes: Sequence[Route],
        upstreams: Mapping[str, Upstream],
        meter: Meter,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._call = call
        self._routes = routes
        self._upstreams = upstreams
        self._meter = meter
        self._pause = pause
        self._next = 0
        self._failure: RelayError | None = None
        self.route: Route | None = None

    @property
    def fallbacks(self) -> int:
        """How many routes were given up."""
        return max(self._next - 1, 0)

    def open(self) -> bytes | Stream:
        """The first answer of the routes that are left; raises the most telling failure if none has one."""
        while self._next < len(self._routes):
            self.route = self._routes[self._next]
            self._next += 1
            try:
                return self._ask(self.route)
            except UnsupportedError as error:
                self._failure = self._failure or error  # a failed vendor says more than a route that can't
            except UpstreamError as error:
                if not error.elsewhere:
                    raise
                self._failure = error
        assert self._failure is not None, "config.py refuses an alias without routes"
        raise self._failure

    def gave_up(self, error: UpstreamError) -> None:
        """Note that the current route failed after `open`."""
        self._failure = error

    def _ask(self, route: Route) -> bytes | Stream:
        upstream = self._upstreams[route.provider]
        try:
            return upstream.send(self._call, route.model, self._meter)
        except UpstreamError as error:
            seconds = random.uniform(*_PAUSE)  # noqa: S311 - jitter, not a secret
            last = self._next == len(self._routes)
            if not (last and error.again) or time.monotonic() + seconds >= self._call.deadline:
                raise
            self._pause(seconds)
            return upstream.send(self._call, route.model, self._meter)
