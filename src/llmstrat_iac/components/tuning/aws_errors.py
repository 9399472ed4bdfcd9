"""AWS's refusals as errors that a user can read, and the one question about S3 that every vendor inside AWS asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from llmstrat_iac.components.leftovers import explain
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import AwsSession


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what AWS refuses into an LlmstratError that begins with `what`."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise LlmstratError(
            f"{what}: {explain(error)}", remedy="check credentials, region and permissions, then try again"
        ) from error


def object_exists(session: AwsSession, uri: str) -> bool:
    """Whether an `s3://` object exists; True if it may not be looked at, since nothing says that it is gone."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        session.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        return error.response["Error"]["Code"] not in ("404", "NoSuchKey", "NoSuchBucket", "NotFound")
    return True
