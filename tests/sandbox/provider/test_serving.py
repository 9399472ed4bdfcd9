"""What the real provider does with endpoints and Cloud Control resources beyond a lifecycle: failures and order."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cases_data import DATA
from cases_iam import IAM
from cases_serving import SERVING
from cases_tuning import prerequisites
from provider_kit import QUIET, Bench

from llmstrat_iac.engine.events import Op
from llmstrat_iac.errors import EngineError
from llmstrat_iac.sandbox.provider.registry import served_resources
from llmstrat_iac.sandbox.provider.services.cloudcontrol import patch_between
from llmstrat_iac.sandbox.resource_types import INFERENCE_COMPONENT

pytestmark = QUIET
Cloud = Callable[[str], Any]
CASES = {case.name: case for case in (*IAM, *DATA, *SERVING)}


def endpoint(*, ami: str = "al2023-ami-sagemaker-inference-gpu-4-1", image: str = "v2.4", **options: Any) -> Any:
    """A program with a model, its configuration and an endpoint called `serving`."""

    def run() -> None:
        made: dict[str, Any] = {"home-bucket": aws.s3.Bucket("home-bucket", force_destroy=True)}
        blob = next(case for case in DATA if case.token.endswith(":BucketObjectv2"))
        for case in prerequisites(CASES["role"], blob):
            made[case.name] = case.make(made, changed=False, replaced=False)
        container = {
            "image": f"763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:server-sagemaker-cuda-{image}",
            "environment": {"SM_VLLM_MODEL": "org/tiny"},
        }
        made["model"] = aws.sagemaker.Model(
            "model", execution_role_arn=made["tuning-role"].arn, primary_container=container
        )
        config = CASES["endpoint-config"].inputs(made)
        config["production_variants"][0]["inference_ami_version"] = ami
        made["config"] = aws.sagemaker.EndpointConfiguration("config", **config)
        aws.sagemaker.Endpoint(
            "endpoint", name="serving", endpoint_config_name=made["config"].name,
            opts=pulumi.ResourceOptions(**options),
        )  # fmt: skip

    return run


def test_a_new_model_reaches_the_endpoint_in_place(bench: Bench, cloud: Cloud) -> None:
    stack, sagemaker = bench.stack(), cloud("sagemaker")
    stack.up(endpoint())
    first = sagemaker.describe_endpoint(EndpointName="serving")["EndpointConfigName"]
    changed = stack.up(endpoint(image="v2.3")).changed
    assert Op.REPLACE in changed["config"]
    assert changed["endpoint"] == [Op.UPDATE]
    assert sagemaker.describe_endpoint(EndpointName="serving")["EndpointConfigName"] != first
    stack.destroy()
    assert not sagemaker.list_endpoints(NameContains="serving")["Endpoints"]


def test_an_endpoint_that_fails_stays_outside_of_the_state(bench: Bench, cloud: Cloud) -> None:
    stack, sagemaker = bench.stack(), cloud("sagemaker")
    with pytest.raises(EngineError, match="did not pass the ping health check"):
        stack.up(endpoint(ami="al2-ami-sagemaker-inference-gpu-3-1"))
    assert "endpoint" not in stack.state()
    assert sagemaker.describe_endpoint(EndpointName="serving")["EndpointStatus"] == "Failed"
    sagemaker.delete_endpoint(EndpointName="serving")
    stack.destroy()


def test_a_create_only_path_replaces() -> None:
    declaration = served_resources()["aws:cloudcontrol/resource:Resource"]
    before = {"EndpointName": "a", "RuntimeConfig": {"CopyCount": 1}}

    def replaced(**changes: Any) -> bool:
        state = {"typeName": INFERENCE_COMPONENT.name, "desiredState": json.dumps(before)}
        return bool(declaration.replaced_by(state, {**state, "desiredState": json.dumps({**before, **changes})}))

    assert replaced(EndpointName="b")
    assert not replaced(RuntimeConfig={"CopyCount": 2})
    assert not declaration.replaced_by({"typeName": "AWS::X::Y", "desiredState": "{}"}, {"desiredState": '{"a": 1}'})


def test_a_patch_says_no_more_than_what_has_changed() -> None:
    old = {"a": {"b": 1, "c": [1]}, "gone": 1, "same": {"x": 1}}
    new = {"a": {"b": 2, "c": [1, 2]}, "same": {"x": 1}, "a/b": 3}
    assert patch_between(old, new) == [
        {"op": "replace", "path": "/a/b", "value": 2},
        {"op": "replace", "path": "/a/c", "value": [1, 2]},
        {"op": "remove", "path": "/gone"},
        {"op": "add", "path": "/a~1b", "value": 3},
    ]
