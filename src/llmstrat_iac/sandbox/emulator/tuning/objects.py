"""Objects in the emulator's S3 as its other services see them: no signature, no policy."""

from __future__ import annotations

import re

_URI = re.compile(r"s3://([^/]+)/(.+)")


def read_s3(uri: str) -> bytes | None:
    """An object's content, or that of all objects below a prefix; None if there is nothing."""
    from ministack.services import s3

    found = _URI.fullmatch(uri)
    if found is None:
        return None
    bucket, key = found.groups()
    content: bytes | None = s3._get_object_data(bucket, key)
    if content is not None:
        return content
    keys = [name for name in (s3._buckets.get(bucket) or {}).get("objects", {}) if name.startswith(key)]
    parts = [s3._get_object_data(bucket, name) or b"" for name in sorted(keys)]
    return b"".join(parts) if parts else None


def write_s3(uri: str, content: bytes) -> None:
    """Put an object; a bucket that is gone is the service's own bad luck."""
    from ministack.services import s3

    found = _URI.fullmatch(uri)
    if found is not None:
        s3._put_object(*found.groups(), content, {})
