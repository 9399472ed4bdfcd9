"""Training from scratch on a Slurm cluster of HyperPod, which watches over its nodes and replaces those that break.

Everything here but the log lives only as long as the job isn't over; what it has made is in the stack's bucket. The
controller submits the job itself (`scripts/submit.sh`), and has the cluster deleted at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from llmstrat_iac.catalog.sagemaker_images import TRAINING
from llmstrat_iac.components.cluster_files import cluster_prefix, upload_cluster_job
from llmstrat_iac.components.cluster_network import ClusterNetwork, ClusterNetworkArgs
from llmstrat_iac.components.cluster_storage import CORPUS, create_storage
from llmstrat_iac.components.ec2 import machine
from llmstrat_iac.components.ec2.cluster import end_of
from llmstrat_iac.components.ec2.cluster_shape import ClusterShape, cluster_shape
from llmstrat_iac.components.expiry import DELETE_CLUSTER, StopCall, create_expiry
from llmstrat_iac.components.file_system import FileSystem
from llmstrat_iac.components.hyperpod.desired_state import SHARED, TYPE, Nodes, desired_state
from llmstrat_iac.components.hyperpod.lifecycle import FILES, render_lifecycle
from llmstrat_iac.components.hyperpod.names import PARTITION, HyperPodNames
from llmstrat_iac.components.hyperpod.roles import create_roles
from llmstrat_iac.components.policies import Account
from llmstrat_iac.components.sagemaker.images import resolve
from llmstrat_iac.components.stack_provider import stack_tags
from llmstrat_iac.components.tuning.names import TAG_JOB, job_key
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.hookspecs import ProgramContext
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.tuning import TuningState

_LOGICAL = "cluster"
_PATIENCE = pulumi.CustomTimeouts(create="3h", update="3h", delete="1h")
"""Deep health checks alone take an hour or two."""
_EBS_CACHE = "/opt/sagemaker/llmstrat"
"""Where HyperPod mounts a node's own volume, for types without NVMe disks."""


def cluster(
    context: ProgramContext,
    pretraining: ResolvedPretraining,
    state: TuningState,
    workspace: Workspace,
    opts: pulumi.ResourceOptions,
) -> Mapping[str, Any]:
    """Register the cluster while its job isn't over, and the job's log as long as the spec trains."""
    component = Cluster(_LOGICAL, context, pretraining, state, workspace, opts)
    return component.found_by


class Cluster(pulumi.ComponentResource):
    """One job, its cluster, network, file system, roles and log."""

    found_by: dict[str, Any]
    """What tells where to look."""

    def __init__(
        self,
        name: str,
        context: ProgramContext,
        pretraining: ResolvedPretraining,
        state: TuningState,
        workspace: Workspace,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("llmstrat:hyperpod:Cluster", name, None, opts)
        self._logical, self._context, self._pretraining, self._workspace = name, context, pretraining, workspace
        self._names = HyperPodNames(pretraining.stack_name)
        self._key = job_key(pretraining.identity, state.attempt)
        self._child = pulumi.ResourceOptions(parent=self)
        days = pretraining.options.log_retention_days
        self._log = aws.cloudwatch.LogGroup(
            name, aws.cloudwatch.LogGroupArgs(name=self._names.log, retention_in_days=days), opts=self._child
        )
        self.found_by = {"log_group": self._log.name}
        if state.current is None or not state.current.state.over:
            self.found_by |= self._job(cluster_shape(pretraining), state)
        self.register_outputs(self.found_by)

    def _job(self, shape: ClusterShape, state: TuningState) -> dict[str, Any]:
        pretraining = self._pretraining
        account = Account.current(pretraining.region, pulumi.InvokeOutputOptions(parent=self))
        image = pretraining.options.image or resolve(TRAINING, pretraining.region)
        instance, zone = pretraining.plan.instance.name, pretraining.cluster.zone
        network = ClusterNetwork(
            self._logical, ClusterNetworkArgs(self._names.cluster, pretraining.region, instance, zone), self._child
        )
        storage = create_storage(self._logical, self._names.cluster, pretraining, network, self._child)
        (controller, controller_policy), (worker, worker_policy) = create_roles(
            self._logical,
            pretraining,
            key=self._key,
            image=image,
            workspace=self._workspace,
            network=network,
            log=self._log,
            account=account,
            opts=self._child,
        )
        code = upload_cluster_job(self._workspace, pretraining, self._key, self._child)
        begin = self._upload_lifecycle(self._environment(shape, image, storage))
        nodes = Nodes(
            self._workspace.uri(f"{cluster_prefix(self._key)}lifecycle/"),
            controller.arn,
            worker.arn,
            network.subnet_id,
            network.security_group_id,
        )
        needed = [controller_policy, worker_policy, *network.ready, *code, *begin, *(storage.ready if storage else [])]
        made = self._cluster(nodes, storage, needed)
        self._end(shape, account, made, storage, state)
        found = {
            "cluster_name": self._cluster_name,
            "cluster_arn": made.id,
            "nodes": shape.nodes,
            "job_uri": self._uri(),
        }
        return found | ({"file_system_id": storage.file_system_id} if storage else {})

    @property
    def _cluster_name(self) -> str:
        return self._names.job_cluster(self._key)

    def _uri(self) -> pulumi.Output[str]:
        return self._workspace.uri(cluster_prefix(self._key).rstrip("/"))

    def _cluster(
        self, nodes: Nodes, storage: FileSystem | None, needed: list[pulumi.Resource]
    ) -> aws.cloudcontrol.Resource:
        tags = machine.lasting_tags(stack_tags(self._context)) | {TAG_JOB: self._key}
        wanted = desired_state(self._pretraining, nodes, storage, name=self._cluster_name, tags=tags)
        return aws.cloudcontrol.Resource(
            self._logical,
            aws.cloudcontrol.ResourceArgs(type_name=TYPE, desired_state=pulumi.Output.json_dumps(wanted)),
            opts=pulumi.ResourceOptions.merge(
                self._child,
                pulumi.ResourceOptions(
                    depends_on=needed,
                    custom_timeouts=_PATIENCE,
                    # Another job has another cluster, and hardly anybody a quota for both at once.
                    delete_before_replace=True,
                ),
            ),
        )

    def _upload_lifecycle(self, environment: pulumi.Output[dict[str, str]]) -> list[pulumi.Resource]:
        opts = pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(depends_on=self._workspace.ready))
        rendered = environment.apply(render_lifecycle)
        return [
            aws.s3.BucketObjectv2(
                f"lifecycle-{self._key}-{name}",
                aws.s3.BucketObjectv2Args(
                    bucket=self._workspace.bucket.bucket,
                    key=f"{cluster_prefix(self._key)}lifecycle/{name}",
                    content=rendered[name],
                ),
                opts=opts,
            )
            for name in FILES
        ]

    def _environment(
        self, shape: ClusterShape, image: str, storage: FileSystem | None
    ) -> pulumi.Output[dict[str, str]]:
        """Never a secret itself: it is a file in the bucket."""
        pretraining, options = self._pretraining, self._pretraining.options
        fast = pretraining.plan.instance.nvme_gb > 0
        known = {
            "AWS_REGION": pretraining.region,
            "AWS_DEFAULT_REGION": pretraining.region,
            "LLMSTRAT_CACHE": machine.CACHE if fast else _EBS_CACHE,
            "LLMSTRAT_CLUSTER": self._cluster_name,
            "LLMSTRAT_CORPUS": SHARED + CORPUS if storage else "",
            "LLMSTRAT_DELETE": "1" if options.delete_when_over else "0",
            "LLMSTRAT_EFA": "1" if shape.efa else "0",
            "LLMSTRAT_IDLE_SECONDS": str(options.idle_minutes * 60),
            "LLMSTRAT_IMAGE": image,
            "LLMSTRAT_INSTALL": "1",
            "LLMSTRAT_LOG_GROUP": self._names.log,
            "LLMSTRAT_MAX_SECONDS": str(int(shape.lasts.total_seconds())),
            "LLMSTRAT_NODES": str(shape.nodes),
            "LLMSTRAT_PARTITION": PARTITION,
            "LLMSTRAT_PYTHON": "/opt/llmstrat/python.sh",
            "LLMSTRAT_SHARED": SHARED if storage else "",
        }
        return pulumi.Output.all(self._uri(), self._workspace.model_token).apply(
            lambda told: known | {"LLMSTRAT_JOB_URI": told[0], "LLMSTRAT_TOKEN_SECRET": machine.secret_id(told[1])}
        )

    def _end(
        self,
        shape: ClusterShape,
        account: Account,
        made: aws.cloudcontrol.Resource,
        storage: FileSystem | None,
        state: TuningState,
    ) -> None:
        """From outside, when the job's time or the stack's is over: a controller that hangs can't end anything."""
        expires = self._context.expires
        # A training plan may begin in weeks; nothing bills before.
        reserved = self._pretraining.cluster.capacity == "training-plan"
        moment = expires if reserved else end_of(shape, state, expires=expires, now=self._context.target.now())
        if moment is None:
            return
        stop = StopCall(
            DELETE_CLUSTER, f"{self._names.cluster}-delete", "the cluster", {"ClusterName": self._cluster_name}, made.id
        )
        calls = [stop, *([storage.stop_call(f"{self._names.cluster}-files")] if storage else [])]
        create_expiry(self._logical, self._names.expiry, account, at=moment, calls=calls, opts=self._child)
