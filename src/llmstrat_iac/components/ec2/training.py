"""Training on an instance that ends itself: on demand a single one, on spot a group of one that comes back.

Everything here but the log lives only as long as the job isn't over; what it has made is in the stack's bucket.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.ec2 import machine
from llmstrat_iac.components.ec2.names import Ec2Names
from llmstrat_iac.components.ec2.network import Network, NetworkArgs
from llmstrat_iac.components.ec2.user_data import training_user_data
from llmstrat_iac.components.expiry import STOP_GROUP, TERMINATE_INSTANCES, StopCall, create_expiry
from llmstrat_iac.components.job_files import job_prefix, upload_job
from llmstrat_iac.components.policies import Account, Statement
from llmstrat_iac.components.stack_provider import stack_tags
from llmstrat_iac.components.tuning.names import TAG_JOB, job_key
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.hookspecs import ProgramContext
from llmstrat_iac.open_model import ResolvedTraining
from llmstrat_iac.spec.moments import round_up_to_hour
from llmstrat_iac.tuning import TuningState

_MOST_SECONDS = 28 * 86_400
"""What `max_duration: never` means on the instance: a limit that systemd and `shutdown` can count to."""
# What a job was started with: no later change of these may start another.
_FIXED_INSTANCE = ["ami", "instanceType", "rootBlockDevice", "subnetId", "userData"]
_FIXED_TEMPLATE = ["blockDeviceMappings", "imageId", "instanceType", "userData"]
_FIXED_GROUP = ["desiredCapacity", "launchTemplate", "maxSize", "minSize", "vpcZoneIdentifiers"]


def train(
    context: ProgramContext,
    training: ResolvedTraining,
    state: TuningState,
    workspace: Workspace,
    opts: pulumi.ResourceOptions,
) -> None:
    """Register the job while it isn't over, and its log as long as the spec trains."""
    Training("training", context, training, state, workspace, opts)


class Training(pulumi.ComponentResource):
    """One job, its network, its role and its log."""

    def __init__(
        self,
        name: str,
        context: ProgramContext,
        training: ResolvedTraining,
        state: TuningState,
        workspace: Workspace,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("llmstrat:ec2:Training", name, None, opts)
        self._logical, self._context, self._training, self._workspace = name, context, training, workspace
        self._names = Ec2Names(training.stack_name)
        self._key = job_key(training.identity, state.attempt)
        self._child = pulumi.ResourceOptions(parent=self)
        self._log = aws.cloudwatch.LogGroup(
            name,
            aws.cloudwatch.LogGroupArgs(
                name=self._names.training_log, retention_in_days=training.options.log_retention_days
            ),
            opts=self._child,
        )
        if state.current is None or not state.current.state.over:
            self._job(state)
        self.register_outputs({})

    def _job(self, state: TuningState) -> None:
        account = Account.current(self._training.region, pulumi.InvokeOutputOptions(parent=self))
        instance_type = self._training.placement.instance.name
        network = Network(
            self._logical,
            NetworkArgs(self._names.training, self._training.region, instance_type, egress="nat"),
            self._child,
        )
        group = aws.ec2.SecurityGroup(
            self._logical,
            aws.ec2.SecurityGroupArgs(
                name=self._names.group("training"),
                description="The training instance: nothing gets in",
                vpc_id=network.vpc_id,
            ),
            opts=self._child,
        )
        network.allow_https_out(self._logical, group, self._child)
        profile, policy = machine.create_profile(
            self._logical,
            name=self._names.training,
            path=self._names.role_path,
            description="Lets the training instance read its job and write what it makes",
            statements=self._statements(account),
            opts=self._child,
        )
        files = upload_job(self._workspace, self._training, self._key, self._child)
        needed = [policy, *network.ready, *files]
        if self._training.block.capacity == "spot":
            stop = self._spot_group(network, group, profile, needed)
        else:
            stop = self._instance(network, group, profile, needed)
        self._end(account, stop, state)

    def _statements(self, account: Account) -> list[Statement]:
        bucket, prefix = self._workspace.bucket, job_prefix(self._key)
        model, image = self._training.model.block, self._training.options.image
        objects = pulumi.Output.concat(bucket.arn, "/", prefix, "*")
        statements = [
            # Deletes checkpoints that a newer one has replaced.
            Statement(
                ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"),
                (objects,),
            ),
            Statement(("s3:ListBucket",), (bucket.arn,), {"StringLike": {"s3:prefix": f"{prefix}*"}}),
            *machine.read_statements([model.id] if model.in_s3 else [], account),
            *machine.secret_statements(self._workspace.model_token),
            *machine.image_statements(image, account),
            *machine.log_statements(self._log),
            machine.shell_statement(),
        ]
        if self._training.block.capacity == "spot":
            # The asterisk is the identifier that AWS gives the group; its name is exact.
            arn = "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/"
            statements.append(
                Statement(
                    ("autoscaling:TerminateInstanceInAutoScalingGroup",),
                    (account.fill(arn + self._names.job(self._key)),),
                )
            )
        return statements

    def _instance(
        self,
        network: Network,
        group: aws.ec2.SecurityGroup,
        profile: aws.iam.InstanceProfile,
        needed: list[pulumi.Resource],
    ) -> StopCall:
        """Ends with the job: what it shuts down is terminated, and its disk with it."""
        data, options = aws.ec2, self._training.options
        instance = data.Instance(
            f"{self._logical}-{self._key}",
            data.InstanceArgs(
                ami=machine.image_id(options.ami, pulumi.InvokeOutputOptions(parent=self)),
                instance_type=self._training.placement.instance.name,
                instance_initiated_shutdown_behavior="terminate",
                iam_instance_profile=profile.name,
                subnet_id=network.subnet_ids[0],
                vpc_security_group_ids=[group.id],
                associate_public_ip_address=False,
                metadata_options=data.InstanceMetadataOptionsArgs(
                    http_endpoint="enabled",
                    http_tokens="required",
                    http_put_response_hop_limit=machine.METADATA_HOPS,
                ),
                monitoring=True,
                root_block_device=data.InstanceRootBlockDeviceArgs(
                    volume_type="gp3", volume_size=options.root_gb, encrypted=True, delete_on_termination=True
                ),
                user_data=self._user_data(),
                tags=self._tags(),
                volume_tags=machine.lasting_tags(stack_tags(self._context)) | self._tags(),
            ),
            opts=self._with(depends_on=needed, ignore_changes=[*_FIXED_INSTANCE, "volumeTags"]),
        )
        return StopCall(
            TERMINATE_INSTANCES, self._names.training_stop, "the training", {"InstanceIds": [instance.id]}, instance.arn
        )

    def _spot_group(
        self,
        network: Network,
        group: aws.ec2.SecurityGroup,
        profile: aws.iam.InstanceProfile,
        needed: list[pulumi.Resource],
    ) -> StopCall:
        """Brings the instance back when it is reclaimed; the launcher goes on from the newest checkpoint. An instance
        whose job is over takes its place in the group with it, so that the group stays empty."""
        data, options = aws.autoscaling, self._training.options
        name, logical = self._names.job(self._key), f"{self._logical}-{self._key}"
        tags = machine.lasting_tags(stack_tags(self._context)) | self._tags()
        template = aws.ec2.LaunchTemplate(
            logical,
            machine.template_args(
                name=name,
                image=machine.image_id(options.ami, pulumi.InvokeOutputOptions(parent=self)),
                instance_type=self._training.placement.instance.name,
                root_gb=options.root_gb,
                profile=profile,
                security_group=group,
                user_data=self._user_data(),
                tags=tags,
                spot=True,
            ),
            opts=self._with(ignore_changes=_FIXED_TEMPLATE),
        )
        scaling = data.Group(
            logical,
            data.GroupArgs(
                name=name,
                min_size=0,
                max_size=1,
                desired_capacity=1,
                vpc_zone_identifiers=network.subnet_ids,
                launch_template=data.GroupLaunchTemplateArgs(
                    id=template.id, version=template.latest_version.apply(str)
                ),
                health_check_type="EC2",
                # A zone may have no spare capacity for hours: the job waits, `up` doesn't.
                wait_for_capacity_timeout="0",
                force_delete=True,
                tags=[
                    data.GroupTagArgs(key=key, value=value, propagate_at_launch=True)
                    for key, value in sorted(tags.items())
                ],
            ),
            opts=self._with(depends_on=needed, ignore_changes=_FIXED_GROUP),
        )
        call = {"AutoScalingGroupName": scaling.name, "MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0}
        return StopCall(STOP_GROUP, self._names.training_stop, "the training", call, scaling.arn)

    def _user_data(self) -> pulumi.Output[str]:
        training, options = self._training, self._training.options
        spot = training.block.capacity == "spot"
        duration = training.block.max_duration.duration
        seconds = _MOST_SECONDS if duration is None else int(duration.total_seconds())
        uri = self._workspace.uri(job_prefix(self._key).rstrip("/"))
        return pulumi.Output.all(uri, self._log.name, self._workspace.model_token).apply(
            lambda known: training_user_data(
                {
                    "AWS_REGION": training.region,
                    "AWS_DEFAULT_REGION": training.region,
                    "LLMSTRAT_CACHE": machine.CACHE,
                    "LLMSTRAT_GROUP": self._names.job(self._key) if spot else "",
                    "LLMSTRAT_IMAGE": options.image,
                    "LLMSTRAT_JOB_URI": known[0],
                    "LLMSTRAT_LOG_GROUP": known[1],
                    "LLMSTRAT_MAX_SECONDS": str(seconds),
                    "LLMSTRAT_SPOT": "1" if spot else "0",
                    "LLMSTRAT_TOKEN_SECRET": machine.secret_id(known[2]),
                }
            )
        )

    def _tags(self) -> dict[str, str]:
        return {"Name": self._names.job(self._key), TAG_JOB: self._key}

    def _end(self, account: Account, stop: StopCall, state: TuningState) -> None:
        """From outside, when the job's time or the stack's is over: an instance that hangs can't end itself."""
        moment = end_of(self._training, state, expires=self._context.expires, now=self._context.target.now())
        if moment is not None:
            name = self._names.training
            create_expiry(self._logical, self._names.expiry(name), account, at=moment, calls=[stop], opts=self._child)

    def _with(
        self, *, depends_on: list[pulumi.Resource] | None = None, ignore_changes: list[str] | None = None
    ) -> pulumi.ResourceOptions:
        more = pulumi.ResourceOptions(depends_on=depends_on, ignore_changes=ignore_changes)
        return pulumi.ResourceOptions.merge(self._child, more)


def end_of(
    training: ResolvedTraining, state: TuningState, *, expires: datetime | None, now: datetime
) -> datetime | None:
    """When the job is stopped from outside: an hour after it should have stopped itself, or when the stack expires.

    Counted from the job's own start once that is known, so that later runs change nothing.
    """
    duration = training.block.max_duration.duration
    if duration is None:
        return expires
    started = state.current.created if state.current is not None and state.current.created else now
    own = round_up_to_hour(started + duration + timedelta(hours=1))
    return own if expires is None else min(own, expires)
