"""The model as an inference component, which the AWS provider has by Cloud Control only."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.sagemaker.names import VARIANT, SageMakerNames
from llmstrat_iac.components.stack_provider import stack_tags
from llmstrat_iac.hookspecs import ProgramContext
from llmstrat_iac.open_model import ResolvedServing

TYPE = "AWS::SageMaker::InferenceComponent"
_PATIENCE_SECONDS = 3600
_MEMORY_SHARE = 0.7
"""Of the host's memory: the rest is the system's and SageMaker's own."""


def create_component(
    context: ProgramContext,
    serving: ResolvedServing,
    model_name: pulumi.Input[str],
    endpoint: aws.sagemaker.Endpoint,
    opts: pulumi.ResourceOptions,
) -> aws.cloudcontrol.Resource:
    """One copy to begin with; a copy takes all GPUs that its tensor-parallel size needs."""
    names = SageMakerNames(serving.stack_name)
    placement = serving.placement
    desired = {
        "InferenceComponentName": names.component,
        "EndpointName": endpoint.name,
        "VariantName": VARIANT,
        "Specification": {
            "ModelName": model_name,
            "ComputeResourceRequirements": {
                "NumberOfAcceleratorDevicesRequired": placement.gpus,
                "MinMemoryRequiredInMb": int(placement.instance.memory_gib * 1024 * _MEMORY_SHARE),
            },
            "StartupParameters": {
                "ModelDataDownloadTimeoutInSeconds": _PATIENCE_SECONDS,
                "ContainerStartupHealthCheckTimeoutInSeconds": _PATIENCE_SECONDS,
            },
        },
        "RuntimeConfig": {"CopyCount": 1},
        # Default tags of the provider don't reach what Cloud Control creates.
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(stack_tags(context).items())],
    }
    return aws.cloudcontrol.Resource(
        "fleet",
        aws.cloudcontrol.ResourceArgs(type_name=TYPE, desired_state=pulumi.Output.json_dumps(desired)),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[endpoint])),
    )
