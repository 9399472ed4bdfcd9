"""Where models, tokenizers, adapters and texts come from: the Hugging Face hub at one commit, or a prefix in S3."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from llmstrat_iac.spec.problems import detail, refuse

_S3_PREFIX = re.compile(r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^\s]*$")
_FILE = re.compile(r"\.(jsonl|json|parquet|txt|csv)(\.(gz|zst|bz2|xz))?$")
_HUB_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$")
_COMMIT = re.compile(r"^[0-9a-f]{40}$")


def in_s3(place: str) -> bool:
    """Whether it is in S3 rather than on the hub."""
    return place.startswith("s3://")


def pinned(model: str, field: str, place: str, revision: str | None) -> None:
    """Refuse a place on the hub without a commit, or one in S3 with one; `field` of `model` holds the revision."""
    if not in_s3(place) and revision is None:
        remedy = f"copy the commit from https://huggingface.co/{place}/commits/main"
        refuse(model, [detail((field,), "is missing", remedy)])
    if in_s3(place) and revision is not None:
        refuse(model, [detail((field,), "S3 has no revisions", "remove it; the prefix is the version")])


def _check_prefix(value: str) -> str:
    if not _S3_PREFIX.match(value):
        raise ValueError("no S3 prefix: write `s3://bucket/path/`")
    if _FILE.search(value):
        raise ValueError(f"this is a file, and a folder is asked for: write `{value.rpartition('/')[0]}/`")
    return value


def _check_place(value: str) -> str:
    if in_s3(value):
        return _check_prefix(value)
    if not _HUB_ID.match(value):
        raise ValueError("neither a hub id (`organisation/model`) nor an `s3://` prefix")
    return value


def _check_commit(value: str) -> str:
    if not _COMMIT.match(value):
        raise ValueError("a branch or tag can move: give the commit's 40 hexadecimal digits")
    return value


S3Prefix = Annotated[str, AfterValidator(_check_prefix)]
Place = Annotated[str, AfterValidator(_check_place)]
"""A hub id, or an S3 prefix."""
Commit = Annotated[str, AfterValidator(_check_commit)]
"""Of a repository on the hub."""
