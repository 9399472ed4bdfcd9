"""What may be left of a tuning's bucket: found by its deterministic name, emptied and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from llmstrat_iac.components.leftovers import Finder, Found, pages
from llmstrat_iac.components.tuning.names import TuningNames
from llmstrat_iac.hookspecs import AwsSession

_TYPE = "s3 bucket"


def bucket_finder(stack_name: str, session: AwsSession, *, infix: str) -> Finder:
    """The finder of the stack's bucket with this word in its name."""
    return Finder(_TYPE, partial(_buckets, stack_name, session, infix))


def _buckets(stack_name: str, session: AwsSession, infix: str) -> Iterator[Found]:
    client = session.client("s3")
    account = session.client("sts").get_caller_identity()["Account"]
    name = TuningNames(stack_name).bucket(account, client.meta.region_name, infix=infix)
    try:
        client.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            return
        raise
    yield Found(_TYPE, name, "with all that is in it", billed=True, remove=partial(_remove, client, name))


def _remove(client: Any, bucket: str) -> None:
    for found in pages(client, "list_objects_v2", "Contents", Bucket=bucket):
        client.delete_object(Bucket=bucket, Key=found["Key"])
    client.delete_bucket(Bucket=bucket)
