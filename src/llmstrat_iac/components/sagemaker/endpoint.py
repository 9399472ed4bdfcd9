"""Serving by a real-time endpoint: container and weights (model), instances (configuration), and the endpoint itself.

Models and configurations can't be changed, so their names change with their content and the endpoint, which keeps its
name, is moved from one to the next. With `scale_to_zero` the model is an inference component on it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pulumi
import pulumi_aws as aws

from llmstrat_iac.catalog.sagemaker_images import SERVING
from llmstrat_iac.components.expiry import DELETE_ENDPOINT, DELETE_INFERENCE_COMPONENT, StopCall, create_expiry
from llmstrat_iac.components.policies import Account
from llmstrat_iac.components.sagemaker.component import create_component
from llmstrat_iac.components.sagemaker.container import environment
from llmstrat_iac.components.sagemaker.images import resolve
from llmstrat_iac.components.sagemaker.names import VARIANT, SageMakerNames
from llmstrat_iac.components.sagemaker.options import ServingOptions
from llmstrat_iac.components.sagemaker.roles import create_container_role, read_objects, read_uris
from llmstrat_iac.components.sagemaker.scaling import scale_component, scale_variant
from llmstrat_iac.components.sagemaker.shape import check_cuda, instance_name, scales
from llmstrat_iac.components.sagemaker.weights import FOLDER, Placed, place
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import Fleet, IamStatement, ProgramContext, Upstream
from llmstrat_iac.open_model import ResolvedServing, Weights
from llmstrat_iac.plan import Severity

PATIENCE_SECONDS = 3600
"""For downloading the weights, and for loading them: the most that SageMaker allows."""
_AFTER_THE_COMPONENT = timedelta(minutes=15)


def serve(
    context: ProgramContext,
    serving: ResolvedServing,
    weights: Weights,
    workspace: Workspace,
    opts: pulumi.ResourceOptions,
) -> Fleet:
    """Register the endpoint; paused, all but it. The way to it is the same in either case."""
    endpoint = _Endpoint(context, serving, weights, workspace, opts)
    if not serving.block.paused:
        endpoint.run()
    return endpoint.fleet()


class _Endpoint:
    """What the steps of one run share."""

    def __init__(
        self,
        context: ProgramContext,
        serving: ResolvedServing,
        weights: Weights,
        workspace: Workspace,
        opts: pulumi.ResourceOptions,
    ) -> None:
        options: ServingOptions = serving.options
        self._context = context
        self._serving = serving
        self._options = options
        self._opts = opts
        self._names = SageMakerNames(serving.stack_name)
        self._account = Account.current(serving.region, pulumi.InvokeOutputOptions(parent=opts.parent))
        self._image = options.image or resolve(SERVING, serving.region)
        refuse_old_driver(self._image, options.inference_ami)
        placed = place(context, serving, weights, workspace, self._account, opts)
        self._log = aws.cloudwatch.LogGroup(
            "fleet",
            aws.cloudwatch.LogGroupArgs(name=self._log_name, retention_in_days=options.log_retention_days),
            opts=opts,
        )
        self._role, self._policy = self._create_role(weights, placed, workspace)
        self._model = self._create_model(environment(serving, weights), placed)
        self._configuration = self._create_configuration()

    def run(self) -> None:
        """The endpoint, how it scales, and its end."""
        endpoint = aws.sagemaker.Endpoint(
            "fleet",
            aws.sagemaker.EndpointArgs(name=self._names.endpoint, endpoint_config_name=self._configuration.name),
            opts=pulumi.ResourceOptions.merge(self._opts, pulumi.ResourceOptions(depends_on=[self._policy, self._log])),
        )
        if self._options.scale_to_zero:
            component = create_component(self._context, self._serving, self._model.name, endpoint, self._opts)
            scale_component(self._serving, component, self._context.expires, self._opts)
        elif scales(self._serving):
            scale_variant(self._serving, endpoint, self._opts)
        if self._context.expires is not None:
            create_expiry(
                "fleet",
                self._names.expiry("fleet"),
                self._account,
                at=self._context.expires,
                calls=self._stop_calls(),
                opts=self._opts,
            )

    def fleet(self) -> Fleet:
        """How the relay calls it; the names don't depend on whether it is there."""
        base = self._context.target.aws_endpoint_url or runtime_url(self._serving.region)
        url = f"{base.rstrip('/')}/endpoints/{self._names.endpoint}"
        resources = [self._arn("endpoint", self._names.endpoint)]
        outputs = {
            "endpoint_name": self._names.endpoint,
            "log_group": self._log_name,
            "instance_type": instance_name(self._serving.placement.instance.name),
        }
        if self._options.scale_to_zero:
            url += f"?inference-component={self._names.component}"
            resources.append(self._arn("inference-component", self._names.component))
            outputs["inference_component"] = self._names.component
        statement = IamStatement(
            actions=("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"),
            resources=tuple(resources),
            reason="call the stack's own endpoint",
        )
        return Fleet(Upstream(wire="sagemaker", base_url=url, auth="sigv4"), (statement,), outputs)

    @property
    def _log_name(self) -> str:
        return self._names.component_log if self._options.scale_to_zero else self._names.endpoint_log

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:{{partition}}:sagemaker:{{region}}:{{account}}:{kind}/{name}"

    def _stop_calls(self) -> list[StopCall]:
        names = self._names
        delete = StopCall(
            DELETE_ENDPOINT,
            name=f"{names.prefix}-delete-endpoint",
            what="the endpoint",
            input={"EndpointName": names.endpoint},
            resource=self._account.fill(self._arn("endpoint", names.endpoint)),
        )
        if not self._options.scale_to_zero:
            return [delete]
        # An endpoint with a component can't be deleted; it has no instances, and costs nothing, without one.
        delete = replace(delete, after=_AFTER_THE_COMPONENT)
        component = StopCall(
            DELETE_INFERENCE_COMPONENT,
            name=f"{names.prefix}-delete-component",
            what="the inference component, and with it the instances",
            input={"InferenceComponentName": names.component},
            resource=self._account.fill(self._arn("inference-component", names.component)),
        )
        return [component, delete]

    def _create_role(
        self, weights: Weights, placed: Placed, workspace: Workspace
    ) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        sources = [weights.model, *(adapter.source for adapter in weights.adapters)]
        return create_container_role(
            "serving",
            name=self._names.serving_role,
            path=self._names.role_path,
            description="Lets the endpoint of this stack read its weights and write its log",
            account=self._account,
            image=self._image,
            log=self._log_name,
            statements=[
                *(read_objects(workspace.bucket.arn, FOLDER) if placed.own else []),
                *read_uris(sources, self._account),
            ],
            opts=self._opts,
        )

    def _create_model(self, variables: dict[str, str], placed: Placed) -> aws.sagemaker.Model:
        sage = aws.sagemaker
        content = pulumi.Output.all(self._image, variables, placed.model, placed.adapters)
        container = sage.ModelPrimaryContainerArgs(
            image=self._image,
            environment=variables,
            model_data_source=sage.ModelPrimaryContainerModelDataSourceArgs(
                s3_data_sources=[
                    sage.ModelPrimaryContainerModelDataSourceS3DataSourceArgs(
                        s3_uri=placed.model, s3_data_type="S3Prefix", compression_type="None"
                    )
                ]
            ),
            additional_model_data_sources=[_adapter(name, uri) for name, uri in placed.adapters.items()] or None,
        )
        return sage.Model(
            "fleet",
            sage.ModelArgs(
                name=content.apply(self._names.versioned),
                execution_role_arn=self._role.arn,
                primary_container=container,
                enable_network_isolation=True,
            ),
            opts=pulumi.ResourceOptions.merge(self._opts, pulumi.ResourceOptions(depends_on=[self._policy])),
        )

    def _create_configuration(self) -> aws.sagemaker.EndpointConfiguration:
        sage, component = aws.sagemaker, self._options.scale_to_zero
        role = self._role.arn if component else None
        variant = self._component_variant() if component else self._plain_variant()
        # A component has its model itself, so that a new model needs no new configuration.
        content = pulumi.Output.all(self._model.name if role is None else role, _shape(self._serving))
        return sage.EndpointConfiguration(
            "fleet",
            sage.EndpointConfigurationArgs(
                name=content.apply(self._names.versioned), execution_role_arn=role, production_variants=[variant]
            ),
            opts=self._opts,
        )

    def _plain_variant(self) -> aws.sagemaker.EndpointConfigurationProductionVariantArgs:
        sage = aws.sagemaker
        # No volume: the types with GPUs have NVMe disks, and SageMaker refuses a size for those.
        return sage.EndpointConfigurationProductionVariantArgs(
            variant_name=VARIANT,
            model_name=self._model.name,
            instance_type=instance_name(self._serving.placement.instance.name),
            initial_instance_count=max(1, self._serving.block.replicas.min),
            initial_variant_weight=1.0,
            inference_ami_version=self._options.inference_ami,
            container_startup_health_check_timeout_in_seconds=PATIENCE_SECONDS,
            model_data_download_timeout_in_seconds=PATIENCE_SECONDS,
            routing_configs=[_routing()],
        )

    def _component_variant(self) -> aws.sagemaker.EndpointConfigurationProductionVariantArgs:
        """Without a model, and with SageMaker choosing how many instances its components need."""
        sage, replicas = aws.sagemaker, self._serving.block.replicas
        return sage.EndpointConfigurationProductionVariantArgs(
            variant_name=VARIANT,
            instance_type=instance_name(self._serving.placement.instance.name),
            initial_instance_count=1,
            inference_ami_version=self._options.inference_ami,
            container_startup_health_check_timeout_in_seconds=PATIENCE_SECONDS,
            model_data_download_timeout_in_seconds=PATIENCE_SECONDS,
            managed_instance_scaling=sage.EndpointConfigurationProductionVariantManagedInstanceScalingArgs(
                status="ENABLED", min_instance_count=0, max_instance_count=replicas.max
            ),
            routing_configs=[_routing()],
        )


def refuse_old_driver(image: str, ami: str) -> None:
    """LlmstratError if the host's driver is too old for the container, which `plan` says first."""
    for finding in check_cuda(image, ami):
        if finding.severity is Severity.ERROR:
            raise LlmstratError(f"{finding.path}: {finding.message}", remedy=finding.remedy)


def runtime_url(region: str) -> str:
    """Where SageMaker's endpoints of a region are called."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://runtime.sagemaker.{region}.{suffix}"


def _shape(serving: ResolvedServing) -> dict[str, Any]:
    """What of a configuration isn't in its model."""
    options: ServingOptions = serving.options
    return {
        "instance": serving.placement.instance.name,
        "replicas": [serving.block.replicas.min, serving.block.replicas.max],
        "ami": options.inference_ami,
        "component": options.scale_to_zero,
    }


def _routing() -> aws.sagemaker.EndpointConfigurationProductionVariantRoutingConfigArgs:
    return aws.sagemaker.EndpointConfigurationProductionVariantRoutingConfigArgs(
        routing_strategy="LEAST_OUTSTANDING_REQUESTS"
    )


def _adapter(name: str, uri: pulumi.Input[str]) -> aws.sagemaker.ModelPrimaryContainerAdditionalModelDataSourceArgs:
    sage = aws.sagemaker
    source = sage.ModelPrimaryContainerAdditionalModelDataSourceS3DataSourceArgs(
        s3_uri=uri, s3_data_type="S3Prefix", compression_type="None"
    )
    return sage.ModelPrimaryContainerAdditionalModelDataSourceArgs(channel_name=name, s3_data_sources=[source])
