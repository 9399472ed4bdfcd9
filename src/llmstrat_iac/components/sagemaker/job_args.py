"""Parts of a training job's arguments, the same for one instance and for many."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

TOKEN_SECRET = "LLMSTRAT_TOKEN_SECRET"  # noqa: S105 - a variable's name
"""Tells the launcher which secret holds the hub's token. Anybody who may describe the job sees its environment."""
FIXED = [
    "algorithm_specification",
    "checkpoint_config",
    "environment",
    "enable_inter_container_traffic_encryption",
    "enable_managed_spot_training",
    "hyper_parameters",
    "input_data_configs",
    "output_data_config",
    "resource_config",
    "retry_strategy",
    "role_arn",
    "stopping_condition",
    "training_job_name",
    "vpc_config",
]
"""What a job was started with: no later change of these may start another."""


def container(
    image: str, launcher: str, metrics: Mapping[str, str]
) -> aws.sagemaker.TrainingJobAlgorithmSpecificationArgs:
    """The image with our command in it, and regular expressions for what SageMaker reads from the log."""
    sage = aws.sagemaker
    return sage.TrainingJobAlgorithmSpecificationArgs(
        training_image=image,
        training_input_mode="File",
        # Without SageMaker's training toolkit: the image needs nothing but Python.
        container_entrypoints=["/bin/bash", "-c"],
        container_arguments=[launcher],
        metric_definitions=[
            sage.TrainingJobAlgorithmSpecificationMetricDefinitionArgs(name=name, regex=regex)
            for name, regex in metrics.items()
        ]
        or None,
    )


def s3_channel(
    name: str, uri: pulumi.Input[str], input_mode: str | None = None
) -> aws.sagemaker.TrainingJobInputDataConfigArgs:
    """A prefix as a folder below `/opt/ml/input/data`: copied, or with `FastFile` fetched when it is read."""
    sage = aws.sagemaker
    source = sage.TrainingJobInputDataConfigDataSourceS3DataSourceArgs(s3_data_type="S3Prefix", s3_uri=uri)
    return sage.TrainingJobInputDataConfigArgs(
        channel_name=name,
        input_mode=input_mode,
        data_source=sage.TrainingJobInputDataConfigDataSourceArgs(s3_data_source=source),
    )
