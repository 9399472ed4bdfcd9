"""Stand-ins, in the sandbox, for what an organisation's account would hold in S3: a corpus and a tokenizer.

Only prefixes that hold nothing get one, so that whoever uploads real files is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec

_FIRST_REGION = "us-east-1"
"""The one that a bucket must not be told to be in."""
_TEXT = json.dumps({"text": "The sandbox's corpus has one document."}) + "\n"
_TOKENIZER = json.dumps({"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": []}})


def seed_inputs(resolved: ResolvedSpec, session: AwsSession) -> None:
    """Put a stand-in wherever the spec expects something of its own in S3 and there is nothing."""
    client, region = session.client("s3"), resolved.spec.region
    for uri, name, content in _expected(resolved):
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        if bucket not in {each["Name"] for each in client.list_buckets()["Buckets"]}:
            place = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != _FIRST_REGION else {}
            client.create_bucket(Bucket=bucket, **place)
        if not client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("Contents"):
            folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
            client.put_object(Bucket=bucket, Key=folder + name, Body=content.encode())


def _expected(resolved: ResolvedSpec) -> Iterator[tuple[str, str, str]]:
    pretraining = resolved.pretraining
    if pretraining is None:
        return
    yield pretraining.corpus.source, f"sample.{pretraining.corpus.format}", _TEXT
    if pretraining.tokenizer.source.startswith("s3://"):
        yield pretraining.tokenizer.source, "tokenizer.json", _TOKENIZER
