"""Whether corpus and tokenizer are where the spec says, asked before a cluster is paid for that would find nothing."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from llmstrat_iac.components.hub import check_tokenizer
from llmstrat_iac.hookspecs import AwsSession
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.strategies.closed_api.preflight import guarded

_RULE = "aws.inputs"
_TOKENIZER = "tokenizer.json"
_ABSENT = frozenset({"404", "NoSuchBucket", "NoSuchKey"})


def check_inputs(pretraining: ResolvedPretraining, session: AwsSession, token: str | None) -> Iterator[Finding]:
    """Yield what S3 and the hub say. What whoever deploys may not read is unknown: the job has a role of its own."""
    yield from guarded(_RULE, "corpus.source", _corpus(pretraining, session))
    if pretraining.tokenizer.in_s3:
        yield from guarded(_RULE, "tokenizer.source", _tokenizer(pretraining, session))
    yield from check_tokenizer(pretraining.tokenizer, token)


def _corpus(pretraining: ResolvedPretraining, session: AwsSession) -> Iterator[Finding]:
    bucket, _, prefix = pretraining.corpus.source.removeprefix("s3://").partition("/")
    if not _objects(session, bucket, prefix):
        yield Finding(
            _RULE,
            Severity.ERROR,
            "corpus.source",
            f"there is nothing below `{pretraining.corpus.source}`",
            reason="the nodes would start, and find no text",
            remedy="check bucket and prefix, or upload the corpus first",
        )


def _tokenizer(pretraining: ResolvedPretraining, session: AwsSession) -> Iterator[Finding]:
    bucket, _, prefix = pretraining.tokenizer.source.removeprefix("s3://").partition("/")
    key = f"{prefix.rstrip('/')}/{_TOKENIZER}".lstrip("/")
    if not _objects(session, bucket, key):
        yield Finding(
            _RULE,
            Severity.ERROR,
            "tokenizer.source",
            f"there is no `{_TOKENIZER}` below `{pretraining.tokenizer.source}`",
            reason="text becomes tokens by it before the first step",
            remedy="upload the folder of a trained tokenizer (`tokenizer.save_pretrained`)",
        )


def _objects(session: AwsSession, bucket: str, prefix: str) -> bool:
    try:
        listed = session.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return False
        raise
    return bool(listed.get("KeyCount"))
