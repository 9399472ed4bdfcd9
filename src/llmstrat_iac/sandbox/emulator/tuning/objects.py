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


def objects_below(uri: str) -> dict[str, bytes]:
    """Objects of a prefix by their name in the folder that SageMaker makes of it; an object alone by its own name."""
    from ministack.services import s3

    found = _URI.fullmatch(uri)
    if found is None:
        return {}
    bucket, prefix = found.groups()
    keys = sorted(key for key in (s3._buckets.get(bucket) or {}).get("objects", {}) if key.startswith(prefix))
    folder = prefix if prefix.endswith("/") else prefix.rpartition("/")[0] + "/" if prefix in keys else f"{prefix}/"
    return {key.removeprefix(folder): s3._get_object_data(bucket, key) or b"" for key in keys if key.startswith(folder)}


def write_s3(uri: str, content: bytes) -> None:
    """Put an object; a bucket that is gone is the service's own bad luck."""
    from ministack.services import s3

    found = _URI.fullmatch(uri)
    if found is not None:
        s3._put_object(*found.groups(), content, {})


def delete_s3(uri: str) -> None:
    """Delete the objects below a prefix."""
    from ministack.services import s3

    found = _URI.fullmatch(uri)
    if found is not None:
        bucket, prefix = found.groups()
        keys = [key for key in (s3._buckets.get(bucket) or {}).get("objects", {}) if key.startswith(prefix)]
        for key in keys:
            s3._delete_object(bucket, key)
