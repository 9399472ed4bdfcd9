"""The only place that makes AWS clients: one for each service and region, with timeouts short enough to fail over."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any, Final

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 5.0
_lock = threading.Lock()  # botocore's sessions are not safe for threads while they make clients


def make_client(
    service: str,
    region: str | None,
    *,
    endpoint: str | None = None,
    read_seconds: float = READ_SECONDS,
    attempts: int = 2,
) -> Any:
    """The shared client of a service. `attempts` counts the first one."""
    with _lock:
        return _client(service, region, endpoint, read_seconds, attempts)


@cache
def _client(service: str, region: str | None, endpoint: str | None, read_seconds: float, attempts: int) -> Any:
    from botocore.config import Config
    from botocore.session import get_session

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=64,
        user_agent_extra="llmstrat-relay",
    )
    return get_session().create_client(service, region_name=region, endpoint_url=endpoint, config=config)
