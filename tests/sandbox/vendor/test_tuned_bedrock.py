"""A tuned Bedrock model answers by its deployment's ARN as long as the emulator has the deployment."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from sandbox_kit import Clients, clients, eventually
from tuning_kit import model


def test_a_deployment_answers_until_it_is_deleted(aws: Clients, vendor_url: str) -> None:
    bedrock, runtime = aws("bedrock"), clients(f"{vendor_url}/bedrock")("bedrock-runtime")
    trained = model(aws)
    arn = bedrock.create_custom_model_deployment(modelDeploymentName="answers", modelArn=trained)
    deployment = arn["customModelDeploymentArn"]

    def ask(identifier: str) -> Any:
        answer = runtime.converse(modelId=identifier, messages=[{"role": "user", "content": [{"text": "hello"}]}])
        return answer["output"]["message"]["content"][0]["text"]

    with pytest.raises(ClientError, match="Provisioned Throughput"):
        ask(trained)
    assert eventually(
        lambda: bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=deployment)["status"] == "Active"
    )
    assert ask(deployment).startswith(f"[tuned {deployment.rpartition('/')[2]}]")
    bedrock.delete_custom_model_deployment(customModelDeploymentIdentifier=deployment)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        ask(deployment)
