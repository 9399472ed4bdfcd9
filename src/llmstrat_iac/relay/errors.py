"""The relay's errors: a configuration that can't be used, and everything that a client gets in OpenAI's error shape.

Texts here reach clients and logs, so they never contain a key, a prompt or an exception's own text.
"""

from __future__ import annotations

import json


class ConfigError(Exception):
    """`relay.json` or `consumers.json` can't be used; the message starts with the path of the bad field."""


class RelayError(Exception):
    """An answer that isn't a success, in OpenAI's shape."""

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.kind = kind
        self.param = param
        self.headers = headers

    def body(self) -> bytes:
        """The JSON that OpenAI's clients parse."""
        error = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return json.dumps({"error": error}).encode()


class UpstreamError(RelayError):
    """A vendor failed. `elsewhere`: another route may do better. `again`: the same route may, at once."""

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        *,
        kind: str = "upstream_error",
        param: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        elsewhere: bool = False,
        again: bool = False,
    ) -> None:
        super().__init__(status, code, message, kind=kind, param=param, headers=headers)
        self.elsewhere = elsewhere
        self.again = again


class UnsupportedError(RelayError):
    """This route can't express the request; another route of the same alias may."""

    def __init__(self, code: str, message: str, *, param: str | None = None) -> None:
        super().__init__(400, code, message, param=param)


def bad_request(code: str, message: str, *, param: str | None = None) -> RelayError:
    """A 400 that says which field is wrong."""
    return RelayError(400, code, message, param=param)


def timed_out() -> UpstreamError:
    """The request's whole time is used up."""
    return UpstreamError(504, "upstream_timeout", "the model didn't answer in the time that this request had")
