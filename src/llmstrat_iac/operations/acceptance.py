"""Reads what the acceptance gate of a deployed cluster found: it runs before the training, and stops it if it must."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from llmstrat_iac.engine.results import Snapshot
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import AwsSession

_PAUSE_SECONDS = 5.0


def gate_result(snapshot: Snapshot, session: AwsSession) -> dict[str, Any] | None:
    """The gate's own record of the job that the last `up` started; None if it isn't through yet."""
    from botocore.exceptions import BotoCoreError, ClientError

    outputs = snapshot.outputs.values
    job, bucket = outputs.get("job"), outputs.get("artifacts_bucket")
    if not isinstance(job, Mapping) or not bucket or "cluster" not in outputs:
        raise LlmstratError("this stack has no cluster", remedy="only `strategy: from-scratch` trains on one")
    try:
        found = session.client("s3").get_object(Bucket=str(bucket), Key=f"pretraining/{job['key']}/gate.json")
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise LlmstratError(f"the gate's record can't be read: {error}", remedy="check the credentials") from error
    except BotoCoreError as error:
        raise LlmstratError(f"the gate's record can't be read: {error}", remedy="check the credentials") from error
    result: dict[str, Any] = json.loads(found["Body"].read())
    return result


def wait_for_gate(
    snapshot: Snapshot,
    session: AwsSession,
    *,
    over: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any] | None:
    """The gate's record once there is one; None if the job is `over` without."""
    while True:
        result = gate_result(snapshot, session)
        if result is not None or over():
            return result
        sleep(_PAUSE_SECONDS)
