"""botocore clients for the emulator: one session, one client per service and region, fake credentials only.

The user's profile, config files, credentials and proxies are never read, and every client has the emulator's loopback
URL; nothing else can be constructed here.
"""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlsplit

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.environment import ACCOUNT
from llmstrat_iac.sandbox.provider.config import is_loopback

SESSION_VARIABLES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, "/nonexistent/config", None),
    "credentials_file": (None, None, "/nonexistent/credentials", None),
    "ca_bundle": (None, None, None, None),
}


class Clients:
    """Hands out cached clients; safe to use from many threads."""

    def __init__(self, endpoint_url: str) -> None:
        if not is_loopback(endpoint_url):
            raise SandboxError(
                f"AWS_ENDPOINT_URL is `{endpoint_url}`, which isn't a loopback URL",
                remedy="the sandbox's aws provider only serves a local emulator: http://127.0.0.1:PORT",
            )
        self.endpoint_url = endpoint_url.rstrip("/")
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}

    @property
    def authority(self) -> str:
        """`host:port` of the emulator."""
        return urlsplit(self.endpoint_url).netloc

    def get(self, service: str, region: str) -> Any:
        """The client of a service in a region."""
        client = self._clients.get((service, region))
        if client is None:
            with self._lock:
                client = self._clients.get((service, region)) or self._make(service, region)
                self._clients[service, region] = client
        return client

    def _make(self, service: str, region: str) -> Any:
        from botocore.config import Config
        from botocore.session import Session

        if self._session is None:
            self._session = Session(session_vars=SESSION_VARIABLES)
        return self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="sandbox",  # noqa: S106 - not a credential: only the emulator sees it
            config=Config(
                connect_timeout=5,
                read_timeout=120,
                retries={"mode": "standard", "max_attempts": 2},
                max_pool_connections=32,
                proxies={},
                s3={"addressing_style": "path"},
            ),
        )
