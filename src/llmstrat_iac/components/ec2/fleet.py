"""The fleet: an Auto Scaling group of instances with the inference engine, behind a balancer that nobody sees.

Usable from any Pulumi program; `serving.py` fills the arguments from a spec. The relay's way in is
`components.private_path`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.ec2 import machine
from llmstrat_iac.components.ec2.balancer import LISTENER_PORT, Balancer, create_balancer
from llmstrat_iac.components.ec2.egress import NETWORK_ENDPOINTS
from llmstrat_iac.components.ec2.names import DRAIN_HOOK, METRIC_NAMESPACE, Ec2Names
from llmstrat_iac.components.ec2.network import Network, NetworkArgs
from llmstrat_iac.components.ec2.scaling import ScalingArgs, create_scaling
from llmstrat_iac.components.ec2.user_data import fleet_user_data
from llmstrat_iac.components.expiry import STOP_GROUP, StopCall, create_expiry
from llmstrat_iac.components.names import TAG_SERVES
from llmstrat_iac.components.policies import Account, Statement
from llmstrat_iac.components.private_path import PrivatePath, PrivatePathArgs

PORT = 8000
_STOP_SECONDS = 480
"""How long a terminating instance is held: a minute until it notices, and what `docker stop` may take."""


@dataclass(frozen=True)
class AdapterFiles:
    """A LoRA adapter that instances download before the engine starts."""

    folder: str
    """Below the cache's `adapters/`, which the engine sees as `/cache/adapters/`."""
    source: pulumi.Input[str]
    revision: str | None


@dataclass(frozen=True)
class FleetArgs:
    """What is served, on what, and how much of it."""

    prefix: str
    region: str
    instance_type: str
    image: str
    arguments: pulumi.Input[Sequence[str]]
    """The engine's."""
    adapters: Sequence[AdapterFiles]
    weights: Sequence[pulumi.Input[str]]
    """`s3://…` prefixes that the engine or the instance reads."""
    scaling: ScalingArgs
    tags: Mapping[str, str]
    """Of the stack, for what the provider's default tags don't reach."""
    egress: Literal["nat", "none"] = "nat"
    token_secret: pulumi.Output[str] | None = None
    ami: str | None = None
    root_gb: int = 200
    startup_seconds: int = 1800
    log_retention_days: int = 30
    expires: datetime | None = None

    @property
    def names(self) -> Ec2Names:
        """Physical names."""
        return Ec2Names(self.prefix)


class ServingFleet(pulumi.ComponentResource):
    """Instances, balancer, network and private path."""

    base_url: pulumi.Output[str]
    """What the relay calls, signed; ends in `/v1`."""
    invoke_arn: pulumi.Output[str]
    """What the relay needs `execute-api:Invoke` on."""
    group_name: pulumi.Output[str]
    log_group: pulumi.Output[str]
    target_group_arn: pulumi.Output[str]

    def __init__(self, name: str, args: FleetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llmstrat:ec2:Fleet", name, None, opts)
        self._logical, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._account = Account.current(args.region, pulumi.InvokeOutputOptions(parent=self))
        endpoints = () if args.egress == "nat" else NETWORK_ENDPOINTS
        network = Network(
            name,
            NetworkArgs(args.names.fleet, args.region, args.instance_type, args.egress, endpoints),
            self._child,
        )
        balancer = create_balancer(name, args.names, network, port=PORT, opts=self._child)
        log = aws.cloudwatch.LogGroup(
            name,
            aws.cloudwatch.LogGroupArgs(name=args.names.fleet_log, retention_in_days=args.log_retention_days),
            opts=self._child,
        )
        profile, policy = machine.create_profile(
            name,
            name=args.names.fleet,
            path=args.names.role_path,
            description="Lets the fleet's instances load the model, write their log and report their load",
            statements=self._statements(log),
            opts=self._child,
        )
        template = self._template(profile, balancer, log)
        group = self._group(template, network, balancer, needed=[policy, *network.ready, *balancer.ready])
        create_scaling(name, args.scaling, group, warmup=args.startup_seconds, expires=args.expires, opts=self._child)
        path = PrivatePath(
            name,
            PrivatePathArgs(
                prefix=args.prefix,
                region=args.region,
                subnet_ids=network.subnet_ids,
                security_group_id=balancer.link_group.id,
                load_balancer_arn=balancer.load_balancer.arn,
                load_balancer_dns_name=balancer.load_balancer.dns_name,
                listener_port=LISTENER_PORT,
            ),
            self._child,
        )
        self._end(group)
        self.base_url, self.invoke_arn = path.base_url, path.invoke_arn
        self.group_name, self.log_group = group.name, log.name
        self.target_group_arn = balancer.target_group.arn
        self.register_outputs(
            {
                "base_url": self.base_url,
                "invoke_arn": self.invoke_arn,
                "group_name": self.group_name,
                "log_group": self.log_group,
                "target_group_arn": self.target_group_arn,
            }
        )

    def _statements(self, log: aws.cloudwatch.LogGroup) -> list[Statement]:
        # The asterisk is the identifier that AWS gives the group; its name is exact.
        group = self._account.fill(
            "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/"
            + self._args.names.fleet
        )
        return [
            *machine.read_statements(self._args.weights, self._account),
            *machine.secret_statements(self._args.token_secret),
            *machine.image_statements(self._args.image, self._account),
            *machine.log_statements(log),
            # How often instances have failed lately is counted by their streams.
            Statement(("logs:DescribeLogStreams",), (pulumi.Output.concat(log.arn, ":*"),)),
            # Metrics have no ARN; the condition is the narrowest there is.
            Statement(
                ("cloudwatch:PutMetricData",), ("*",), {"StringEquals": {"cloudwatch:namespace": METRIC_NAMESPACE}}
            ),
            # A failed instance has itself replaced or gives up its place; a terminating one says when it is done.
            Statement(
                (
                    "autoscaling:CompleteLifecycleAction",
                    "autoscaling:SetInstanceHealth",
                    "autoscaling:TerminateInstanceInAutoScalingGroup",
                    "autoscaling:UpdateAutoScalingGroup",
                ),
                (group,),
            ),
            machine.shell_statement(),
        ]

    def _template(
        self, profile: aws.iam.InstanceProfile, balancer: Balancer, log: aws.cloudwatch.LogGroup
    ) -> aws.ec2.LaunchTemplate:
        args = self._args
        return aws.ec2.LaunchTemplate(
            self._logical,
            machine.template_args(
                name=args.names.fleet,
                image=machine.image_id(args.ami, pulumi.InvokeOutputOptions(parent=self)),
                instance_type=args.instance_type,
                root_gb=args.root_gb,
                profile=profile,
                security_group=balancer.instance_group,
                user_data=self._user_data(log),
                tags=machine.lasting_tags(args.tags) | {"Name": args.names.fleet, TAG_SERVES: str(PORT)},
            ),
            # `latest` moves every few weeks: an `up` for another reason mustn't exchange the fleet.
            opts=self._with(ignore_changes=["imageId"] if args.ami is None else None),
        )

    def _user_data(self, log: aws.cloudwatch.LogGroup) -> pulumi.Output[str]:
        args = self._args
        sources = [adapter.source for adapter in args.adapters]
        return pulumi.Output.all(log.name, args.token_secret, args.arguments, sources).apply(
            lambda known: fleet_user_data(
                {
                    "AWS_REGION": args.region,
                    "AWS_DEFAULT_REGION": args.region,
                    "LLMSTRAT_CACHE": machine.CACHE,
                    "LLMSTRAT_GROUP": args.names.fleet,
                    "LLMSTRAT_IMAGE": args.image,
                    "LLMSTRAT_LOG_GROUP": known[0],
                    "LLMSTRAT_PORT": str(PORT),
                    "LLMSTRAT_TOKEN_SECRET": machine.secret_id(known[1]),
                },
                known[2],
                [
                    (adapter.folder, source, adapter.revision)
                    for adapter, source in zip(args.adapters, known[3], strict=True)
                ],
            )
        )

    def _group(
        self,
        template: aws.ec2.LaunchTemplate,
        network: Network,
        balancer: Balancer,
        *,
        needed: list[pulumi.Resource],
    ) -> aws.autoscaling.Group:
        args, data = self._args, aws.autoscaling
        minimum, maximum = args.scaling.limits
        return data.Group(
            self._logical,
            data.GroupArgs(
                name=args.names.fleet,
                min_size=minimum,
                max_size=maximum,
                # Else Auto Scaling's own business: an `up` mustn't undo what the load has asked for.
                desired_capacity=0 if args.scaling.paused else None,
                vpc_zone_identifiers=network.subnet_ids,
                launch_template=data.GroupLaunchTemplateArgs(
                    id=template.id, version=template.latest_version.apply(str)
                ),
                target_group_arns=[balancer.target_group.arn],
                health_check_type="ELB",
                # Twenty gigabytes of image, then the weights, then compiling: by default it would be killed meanwhile.
                health_check_grace_period=args.startup_seconds,
                default_instance_warmup=args.startup_seconds,
                # Instances become healthy long after `up` is over: `status` and `wait` look at them.
                wait_for_capacity_timeout="0",
                # `down` doesn't wait for answers that are being written, nor for the hook.
                force_delete=True,
                initial_lifecycle_hooks=[
                    data.GroupInitialLifecycleHookArgs(
                        name=DRAIN_HOOK,
                        lifecycle_transition="autoscaling:EC2_INSTANCE_TERMINATING",
                        heartbeat_timeout=_STOP_SECONDS,
                        default_result="CONTINUE",
                    )
                ],
                instance_refresh=data.GroupInstanceRefreshArgs(
                    strategy="Rolling",
                    # The new instance comes before the old one goes, one at a time, of more than ten a tenth: quota for
                    # as many more is needed meanwhile (`surge` of the runtime).
                    preferences=data.GroupInstanceRefreshPreferencesArgs(
                        min_healthy_percentage=100,
                        max_healthy_percentage=110,
                        instance_warmup=str(args.startup_seconds),
                        skip_matching=True,
                    ),
                ),
                tags=[
                    data.GroupTagArgs(key=key, value=value, propagate_at_launch=True)
                    for key, value in sorted({**args.tags, TAG_SERVES: str(PORT)}.items())
                ],
            ),
            opts=self._with(depends_on=needed),
        )

    def _end(self, group: aws.autoscaling.Group) -> None:
        args = self._args
        if args.expires is None:
            return
        name = args.names.fleet
        call = {"AutoScalingGroupName": group.name, "MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0}
        stop = StopCall(STOP_GROUP, f"{name}-stop", "the fleet", call, group.arn)
        create_expiry(
            self._logical, args.names.expiry(name), self._account, at=args.expires, calls=[stop], opts=self._child
        )

    def _with(
        self, *, depends_on: list[pulumi.Resource] | None = None, ignore_changes: list[str] | None = None
    ) -> pulumi.ResourceOptions:
        more = pulumi.ResourceOptions(depends_on=depends_on, ignore_changes=ignore_changes)
        return pulumi.ResourceOptions.merge(self._child, more)
