"""Whether this spot instance is about to be reclaimed, by the instance's own metadata (IMDSv2).

AWS announces it two minutes before; the operating system's SIGTERM comes only at the end of these.
"""

from __future__ import annotations

import os
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen


def interruption_announced() -> bool:
    """True if the instance is to be stopped or terminated. False if not, or if the metadata doesn't answer."""
    return read_metadata("spot/instance-action") is not None


def read_metadata(path: str) -> str | None:
    """An entry of the instance's metadata; None if there is none, or if this is no instance."""
    # AWS's own variable.
    root = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/")
    try:
        token = _ask(f"{root}/latest/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "300"})
        return _ask(f"{root}/latest/meta-data/{path}", "GET", {"X-aws-ec2-metadata-token": token})
    except (HTTPError, URLError, TimeoutError):
        return None


def _ask(url: str, method: str, headers: dict[str, str]) -> str:
    request = Request(url, method=method, headers=headers)  # noqa: S310 - the instance's own metadata
    with urlopen(request, timeout=2) as reply:  # noqa: S310
        content: bytes = reply.read()
    return content.decode()
