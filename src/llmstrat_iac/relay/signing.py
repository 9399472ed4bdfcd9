"""AWS Signature Version 4 with the process's role, for HTTP calls that no AWS client makes.

Credentials are asked for at each call: botocore renews those that end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from .errors import UpstreamError

_lock = threading.Lock()  # botocore's sessions are not safe for threads while they look for credentials
Credentials = Callable[[], Any]


class Signer:
    """Signs for one service in one region. `credentials` gives botocore's credentials, or None if there are none."""

    def __init__(self, service: str, region: str, credentials: Credentials) -> None:
        self._service = service
        self._region = region
        self._credentials = credentials

    def sign(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """The headers with a signature among them; none may be changed afterwards."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import BotoCoreError

        try:
            found = self._credentials()
            frozen = None if found is None else found.get_frozen_credentials()
        except BotoCoreError:
            frozen = None
        if frozen is None:
            message = "the gateway has no AWS credentials to call this model with"
            raise UpstreamError(502, "upstream_unauthorized", message, elsewhere=True)
        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
        SigV4Auth(frozen, self._service, self._region).add_auth(request)
        return dict(request.headers.items())


def process_credentials() -> Any:
    """The credentials of the process: on Lambda those of the function's role."""
    with _lock:
        return _session_credentials()


@cache
def _session_credentials() -> Any:
    from botocore.session import get_session

    return get_session().get_credentials()
