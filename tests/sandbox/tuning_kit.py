"""What the tests of managed tuning in the emulator share: a role, a bucket with training data, waiting for a job."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError
from sandbox_kit import Clients, eventually

NOVA_MICRO = "amazon.nova-micro-v1:0:128k"
OVER = ("Completed", "Failed", "Stopped")


def nova_line(question: str = "q", answer: str = "a") -> str:
    """One record as Nova takes it."""
    turns = [{"role": "user", "content": [{"text": question}]}, {"role": "assistant", "content": [{"text": answer}]}]
    return json.dumps({"schemaVersion": "bedrock-conversation-2024", "messages": turns})


def served(operation: Callable[[], Any]) -> bool:
    """Whether an emulator knows an operation."""
    try:
        operation()
    except ClientError:
        return False
    return True


def role(aws: Clients, service: str = "bedrock.amazonaws.com") -> str:
    """A role that the service may assume."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = aws("iam").create_role(RoleName=f"tuning-{uuid4().hex[:8]}", AssumeRolePolicyDocument=trust)
    return str(made["Role"]["Arn"])


def bucket(aws: Clients, *lines: str, key: str = "train.jsonl") -> str:
    """A bucket with these lines in one object; returns `s3://bucket`."""
    name = f"tuning-{uuid4().hex[:8]}"
    aws("s3").create_bucket(Bucket=name)
    aws("s3").put_object(Bucket=name, Key=key, Body="\n".join(lines).encode())
    return f"s3://{name}"


def job(aws: Clients, *lines: str, **more: Any) -> dict[str, Any]:
    """The arguments of a customization job for Nova Micro over these lines; `more` replaces some."""
    place, name = bucket(aws, *(lines or [nova_line()])), f"job-{uuid4().hex[:8]}"
    return {
        "jobName": name,
        "customModelName": name,
        "roleArn": role(aws),
        "baseModelIdentifier": NOVA_MICRO,
        "trainingDataConfig": {"s3Uri": f"{place}/train.jsonl"},
        "outputDataConfig": {"s3Uri": f"{place}/out/"},
        "hyperParameters": {"epochCount": "2"},
        **more,
    }


def over(aws: Clients, name: str) -> dict[str, Any]:
    """A customization job once it is over."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = aws("bedrock").get_model_customization_job(jobIdentifier=name)
        return found if found["status"] in OVER else None

    found: dict[str, Any] = eventually(look)
    return found


def model(aws: Clients, **more: Any) -> str:
    """The ARN of a custom model, trained now."""
    asked = job(aws, **more)
    aws("bedrock").create_model_customization_job(**asked)
    return str(over(aws, asked["jobName"])["outputModelArn"])
