"""A cluster on EC2 that trains one model: one zone, one group of alike nodes, a file system, and several brakes.

Everything but the log lives only as long as the job isn't over. The number of nodes is a number in the group: neither
program nor state grows with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.cluster_files import cluster_prefix, upload_cluster_job
from llmstrat_iac.components.cluster_network import ClusterNetwork, ClusterNetworkArgs
from llmstrat_iac.components.cluster_storage import CORPUS, create_storage
from llmstrat_iac.components.ec2 import machine
from llmstrat_iac.components.ec2.cluster_role import node_statements
from llmstrat_iac.components.ec2.cluster_shape import MOUNT, ClusterShape, cluster_shape
from llmstrat_iac.components.ec2.cluster_template import cluster_template_args
from llmstrat_iac.components.ec2.names import Ec2Names
from llmstrat_iac.components.ec2.user_data import cluster_user_data
from llmstrat_iac.components.expiry import STOP_GROUP, StopCall, create_expiry
from llmstrat_iac.components.file_system import FileSystem
from llmstrat_iac.components.names import TAG_NODES
from llmstrat_iac.components.policies import Account
from llmstrat_iac.components.stack_provider import stack_tags
from llmstrat_iac.components.tuning.names import TAG_JOB, job_key
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.hookspecs import ProgramContext
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.spec.moments import round_up_to_hour
from llmstrat_iac.tuning import TuningState

# A newer image or script mustn't restart a training of weeks; another instance type or number of nodes does.
_FIXED_TEMPLATE = ["imageId", "userData"]


def cluster(
    context: ProgramContext,
    pretraining: ResolvedPretraining,
    state: TuningState,
    workspace: Workspace,
    opts: pulumi.ResourceOptions,
) -> Mapping[str, Any]:
    """Register cluster and job while that isn't over, and the log as long as the spec trains."""
    return Cluster("cluster", context, pretraining, state, workspace, opts).found_by


class Cluster(pulumi.ComponentResource):
    """The nodes, their network, their file system, their role and their log."""

    found_by: Mapping[str, Any]
    """Names by which `status` and others find it."""

    def __init__(
        self,
        name: str,
        context: ProgramContext,
        pretraining: ResolvedPretraining,
        state: TuningState,
        workspace: Workspace,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("llmstrat:ec2:Cluster", name, None, opts)
        self._logical, self._context, self._pretraining, self._workspace = name, context, pretraining, workspace
        self._names = Ec2Names(pretraining.stack_name)
        self._key = job_key(pretraining.identity, state.attempt)
        self._child = pulumi.ResourceOptions(parent=self)
        self._log = aws.cloudwatch.LogGroup(
            name,
            aws.cloudwatch.LogGroupArgs(
                name=self._names.cluster_log, retention_in_days=pretraining.options.log_retention_days
            ),
            opts=self._child,
        )
        found: dict[str, Any] = {"log_group": self._log.name}
        if state.current is None or not state.current.state.over:
            found |= self._job(cluster_shape(pretraining), state)
        self.found_by = found
        self.register_outputs(found)

    def _job(self, shape: ClusterShape, state: TuningState) -> dict[str, Any]:
        pretraining = self._pretraining
        account = Account.current(pretraining.region, pulumi.InvokeOutputOptions(parent=self))
        network = ClusterNetwork(
            self._logical,
            ClusterNetworkArgs(
                self._names.cluster,
                pretraining.region,
                pretraining.plan.instance.name,
                # Of the reservation, if there is one: the plan asks for it then.
                pretraining.cluster.zone,
            ),
            self._child,
        )
        files = create_storage(self._logical, self._names.cluster, pretraining, network, self._child)
        profile, policy = machine.create_profile(
            self._logical,
            name=self._names.cluster,
            path=self._names.role_path,
            description="Lets the cluster's nodes read their job, write what they make and stop their group",
            statements=node_statements(
                pretraining, self._key, self._names, workspace=self._workspace, log=self._log, account=account
            ),
            opts=self._child,
        )
        code = upload_cluster_job(self._workspace, pretraining, self._key, self._child)
        needed = [policy, *network.ready, *code, *(files.ready if files else [])]
        group = self._group(shape, network, self._template(shape, network, profile, files), needed)
        stops = [_stop_group(group, self._names.cluster_stop)]
        if files is not None:
            stops.append(files.stop_call(self._names.file_system_stop))
        self._end(shape, account, stops, state)
        found = {"group_name": group.name, "network_id": network.vpc_id}
        return found | ({"file_system_id": files.file_system_id} if files else {})

    def _template(
        self,
        shape: ClusterShape,
        network: ClusterNetwork,
        profile: aws.iam.InstanceProfile,
        files: FileSystem | None,
    ) -> aws.ec2.LaunchTemplate:
        options = self._pretraining.options
        return aws.ec2.LaunchTemplate(
            f"{self._logical}-{self._key}",
            cluster_template_args(
                self._pretraining,
                shape,
                name=self._names.cluster_job(self._key),
                image=machine.image_id(options.ami, pulumi.InvokeOutputOptions(parent=self)),
                profile=profile,
                network=network,
                user_data=self._user_data(shape, files),
                tags=self._tags(shape),
            ),
            opts=self._with(ignore_changes=_FIXED_TEMPLATE),
        )

    def _group(
        self,
        shape: ClusterShape,
        network: ClusterNetwork,
        template: aws.ec2.LaunchTemplate,
        needed: list[pulumi.Resource],
    ) -> aws.autoscaling.Group:
        """Exactly so many nodes: a lost one comes back, and the launcher takes it in."""
        data, name = aws.autoscaling, self._names.cluster_job(self._key)
        placement = None
        if shape.placement_group:
            placement = aws.ec2.PlacementGroup(
                self._logical,
                aws.ec2.PlacementGroupArgs(name=self._names.cluster, strategy="cluster"),
                opts=self._child,
            )
        return data.Group(
            f"{self._logical}-{self._key}",
            data.GroupArgs(
                name=name,
                min_size=shape.instances,
                max_size=shape.instances,
                desired_capacity=shape.instances,
                vpc_zone_identifiers=[network.subnet_id],
                placement_group=placement.id if placement is not None else None,
                launch_template=data.GroupLaunchTemplateArgs(
                    id=template.id, version=template.latest_version.apply(str)
                ),
                health_check_type="EC2",
                # All at once: nodes of two shapes can't train together, and the newest checkpoint is where they go on.
                instance_refresh=data.GroupInstanceRefreshArgs(
                    strategy="Rolling",
                    preferences=data.GroupInstanceRefreshPreferencesArgs(min_healthy_percentage=0),
                ),
                # GPUs may be short for hours, and a block may begin later: the job waits, `up` doesn't.
                wait_for_capacity_timeout="0",
                force_delete=True,
                tags=[
                    data.GroupTagArgs(key=key, value=value, propagate_at_launch=True)
                    for key, value in sorted(self._tags(shape).items())
                ],
            ),
            opts=self._with(depends_on=needed),
        )

    def _user_data(self, shape: ClusterShape, files: FileSystem | None) -> pulumi.Output[str]:
        pretraining, options = self._pretraining, self._pretraining.options
        place = pulumi.Output.concat(files.dns_name, "@tcp:/", files.mount_name) if files is not None else ""
        uri = self._workspace.uri(cluster_prefix(self._key).rstrip("/"))
        return pulumi.Output.all(uri, self._log.name, place, self._workspace.model_token).apply(
            lambda known: cluster_user_data(
                {
                    "AWS_REGION": pretraining.region,
                    "AWS_DEFAULT_REGION": pretraining.region,
                    "LLMSTRAT_CACHE": machine.CACHE,
                    "LLMSTRAT_CORPUS": f"{MOUNT}{CORPUS}" if files is not None else "",
                    "LLMSTRAT_EFA": "1" if shape.efa else "0",
                    "LLMSTRAT_FILE_SYSTEM": known[2],
                    "LLMSTRAT_GROUP": self._names.cluster_job(self._key),
                    "LLMSTRAT_IDLE_SECONDS": str(options.idle_minutes * 60),
                    "LLMSTRAT_IMAGE": options.image,
                    "LLMSTRAT_JOB_URI": known[0],
                    "LLMSTRAT_LOG_GROUP": known[1],
                    "LLMSTRAT_MAX_SECONDS": str(int(shape.lasts.total_seconds())),
                    "LLMSTRAT_NODES": str(shape.nodes),
                    "LLMSTRAT_SHARED": MOUNT if files is not None else "",
                    "LLMSTRAT_SPOT": "1" if pretraining.cluster.capacity == "spot" else "0",
                    "LLMSTRAT_TOKEN_SECRET": machine.secret_id(known[3]),
                }
            )
        )

    def _tags(self, shape: ClusterShape) -> dict[str, str]:
        own = {"Name": self._names.cluster_job(self._key), TAG_JOB: self._key, TAG_NODES: str(shape.nodes)}
        return machine.lasting_tags(stack_tags(self._context)) | own

    def _end(self, shape: ClusterShape, account: Account, stops: list[StopCall], state: TuningState) -> None:
        """From outside, when the job's time or the stack's is over: nodes that hang can't end themselves."""
        moment = end_of(shape, state, expires=self._context.expires, now=self._context.target.now())
        names = self._names.expiry(self._names.cluster)
        create_expiry(self._logical, names, account, at=moment, calls=stops, opts=self._child)

    def _with(
        self, *, depends_on: list[pulumi.Resource] | None = None, ignore_changes: list[str] | None = None
    ) -> pulumi.ResourceOptions:
        more = pulumi.ResourceOptions(depends_on=depends_on, ignore_changes=ignore_changes)
        return pulumi.ResourceOptions.merge(self._child, more)


def end_of(shape: ClusterShape, state: TuningState, *, expires: datetime | None, now: datetime) -> datetime:
    """When the cluster is stopped from outside: an hour after it should have stopped itself, or when the stack expires.

    Counted from the job's own start once that is known, so that later runs change nothing.
    """
    started = state.current.created if state.current is not None and state.current.created else now
    own = round_up_to_hour(started + shape.lasts + timedelta(hours=1))
    return own if expires is None else min(own, expires)


def _stop_group(group: aws.autoscaling.Group, schedule: str) -> StopCall:
    call = {"AutoScalingGroupName": group.name, "MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0}
    return StopCall(STOP_GROUP, schedule, "the cluster", call, group.arn)
