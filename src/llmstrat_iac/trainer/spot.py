"""Whether this spot instance is about to be reclaimed, by the instance's own metadata (IMDSv2).

AWS announces it two minutes before; the operating system's SIGTERM comes only at the end of these.
"""

from __future__ import annotations

import os
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen


def interruption_announced() -> bool:
    """True if the instance is to be stopped or terminated. False if not, or if the metadata doesn't answer."""
    # AWS's own variable; in the address, 404 means that nothing is announced.
    root = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/")
    try:
        headers = {"X-aws-ec2-metadata-token-ttl-seconds": "300"}
        token = _ask(f"{root}/latest/api/token", "PUT", headers)
        _ask(f"{root}/latest/meta-data/spot/instance-action", "GET", {"X-aws-ec2-metadata-token": token})
    except (HTTPError, URLError, TimeoutError):
        return False
    return True


def _ask(url: str, method: str, headers: dict[str, str]) -> str:
    request = Request(url, method=method, headers=headers)  # noqa: S310 - the instance's own metadata
    with urlopen(request, timeout=2) as reply:  # noqa: S310
        content: bytes = reply.read()
    return content.decode()
