"""The plan of the ec2 runtime: what training and the fleet register, and what it costs beside the instances.

Pure and light: it must not import the components, which need pulumi; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.components.ec2.egress import NETWORK_ENDPOINTS, serving_egress
from llmstrat_iac.open_model import ResolvedServing, ResolvedTraining
from llmstrat_iac.plan import PlannedResource, SizingLine, StackPlan
from llmstrat_iac.runtimes.ec2.checks import check_serving, check_training
from llmstrat_iac.runtimes.ec2.costs import network_lines, serving_lines, training_lines
from llmstrat_iac.runtimes.ec2.options import ServingOptions, TrainingOptions
from llmstrat_iac.trainer import PACKAGE_FILES

JOB_FILES = 5 + len(PACKAGE_FILES)
"""launch.py, job.json, train.yaml, accelerate.yaml, requirements.txt, and the launcher's package."""


def plan_training(training: ResolvedTraining) -> StackPlan:
    """The job as long as it isn't over; what stays then is the log."""
    options: TrainingOptions = training.options
    return StackPlan(
        findings=tuple(check_training(training)),
        resources=tuple(each for each in _training_resources(training) if each.count),
        costs=(*network_lines("training", training.region, "nat"), *training_lines(training, options)),
        sizing=(
            SizingLine(
                "training instance ends",
                f"after {training.block.max_duration} at the latest",
                "by itself when the job is over, by its own clock, and by EventBridge Scheduler from outside",
            ),
        ),
    )


def plan_serving(serving: ResolvedServing) -> StackPlan:
    """The fleet and the private path to it."""
    options: ServingOptions = serving.options
    egress = serving_egress(serving)
    return StackPlan(
        resources=tuple(each for each in _serving_resources(serving, egress) if each.count),
        costs=(*network_lines("fleet", serving.region, egress), *serving_lines(serving, options)),
        findings=tuple(check_serving(serving)),
    )


def _training_resources(training: ResolvedTraining) -> Iterator[PlannedResource]:
    spot = training.block.capacity == "spot"
    ends = 1 if training.expires or training.block.max_duration.duration else 0
    yield PlannedResource("llmstrat:ec2:Training", 1, "the component that owns everything of the job")
    yield from network_resources("nat")
    yield PlannedResource("aws:ec2/securityGroup:SecurityGroup", 1, "of the instance: nothing gets in")
    yield PlannedResource("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", 1, "HTTPS out")
    files = JOB_FILES + (2 if training.validation else 1)
    yield PlannedResource("aws:s3/bucketObjectv2:BucketObjectv2", files, "the job's files and the dataset")
    yield from role_resources("training", ends)
    yield PlannedResource("aws:ec2/instance:Instance", 0 if spot else 1, "trains, and terminates itself")
    yield PlannedResource("aws:ec2/launchTemplate:LaunchTemplate", 1 if spot else 0, "the instance that trains")
    yield PlannedResource("aws:autoscaling/group:Group", 1 if spot else 0, "brings it back when it is reclaimed")
    yield PlannedResource("aws:cloudwatch/logGroup:LogGroup", 1, "the job's log; stays when the job is over")
    yield from expiry_resources(ends, ends, "stops the job when its time or the TTL ends")


def _serving_resources(serving: ResolvedServing, egress: str) -> Iterator[PlannedResource]:
    block = serving.block
    hours = 2 if block.hours and not block.paused else 0
    scales = 2 if block.replicas.max > block.replicas.min and not block.paused else 0
    ends = 1 if serving.expires else 0
    out = 1 if egress == "nat" else 2
    yield PlannedResource("llmstrat:ec2:Fleet", 1, "the component that owns everything of the fleet")
    yield from network_resources(egress)
    yield PlannedResource("aws:ec2/securityGroup:SecurityGroup", 3, "VPC link, balancer, instances: each admits one")
    yield PlannedResource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", 2, "from the one before")
    yield PlannedResource("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", 2 + out, "to the next; HTTPS out")
    yield PlannedResource("aws:lb/loadBalancer:LoadBalancer", 1, "internal; waits an hour for a silent stream")
    yield PlannedResource("aws:lb/targetGroup:TargetGroup", 1, "the engine's port and health check")
    yield PlannedResource("aws:lb/listener:Listener", 1, "answers 404")
    yield PlannedResource("aws:lb/listenerRule:ListenerRule", 1, "forwards /v1/* and /health only")
    yield from role_resources("fleet", ends)
    yield PlannedResource("aws:ec2/launchTemplate:LaunchTemplate", 1, "image, disk, role and start of an instance")
    yield PlannedResource("aws:autoscaling/group:Group", 1, "the instances")
    yield PlannedResource("aws:autoscaling/policy:Policy", scales, "by waiting requests, by use of the KV cache")
    yield PlannedResource("aws:autoscaling/schedule:Schedule", hours, "start and stop of the serving hours")
    yield PlannedResource("aws:cloudwatch/logGroup:LogGroup", 1, "the engine's log")
    yield from _private_path()
    yield from expiry_resources(ends, ends, "stops the fleet when the TTL ends")


def network_resources(egress: str, *, subnets: int = 2) -> Iterator[PlannedResource]:
    """A network with private subnets and one way out."""
    nat = 1 if egress == "nat" else 0
    interfaces = 0 if nat else len(NETWORK_ENDPOINTS)
    yield PlannedResource("llmstrat:ec2:Network", 1, "the component that owns the network")
    yield PlannedResource("aws:ec2/vpc:Vpc", 1, "a network of its own")
    private = "two private ones" if subnets == 2 else "one private"
    yield PlannedResource("aws:ec2/subnet:Subnet", subnets + nat, private + (", one for the NAT" if nat else ""))
    yield PlannedResource("aws:ec2/routeTable:RouteTable", 1 + nat, "routes")
    yield PlannedResource("aws:ec2/routeTableAssociation:RouteTableAssociation", subnets + nat, "routes of each subnet")
    yield PlannedResource("aws:ec2/vpcEndpoint:VpcEndpoint", 1 + interfaces, "S3" + ("" if nat else " and AWS's APIs"))
    yield PlannedResource("aws:ec2/internetGateway:InternetGateway", nat, "what the NAT gateway goes through")
    yield PlannedResource("aws:ec2/eip:Eip", nat, "the NAT gateway's address")
    yield PlannedResource("aws:ec2/natGateway:NatGateway", nat, "the way out; nothing gets in by it")
    yield PlannedResource("aws:ec2/route:Route", 2 * nat, "the way out")
    if interfaces:
        yield PlannedResource("aws:ec2/securityGroup:SecurityGroup", 1, "of the endpoints")
        yield PlannedResource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", 1, "HTTPS from the network")


def role_resources(what: str, ends: int) -> Iterator[PlannedResource]:
    """The instances' role and profile, and the role of what ends them."""
    yield PlannedResource("aws:iam/role:Role", 1 + ends, f"of the {what}'s instances" + (" and of the end" * ends))
    yield PlannedResource("aws:iam/rolePolicy:RolePolicy", 1 + ends, "exactly what each needs")
    yield PlannedResource("aws:iam/instanceProfile:InstanceProfile", 1, "gives instances their role")


def expiry_resources(ends: int, calls: int, purpose: str) -> Iterator[PlannedResource]:
    """What `components.expiry.create_expiry` registers beside its role."""
    yield PlannedResource("aws:scheduler/scheduleGroup:ScheduleGroup", ends, "holds the schedule")
    yield PlannedResource("aws:scheduler/schedule:Schedule", calls, purpose)


def _private_path() -> Iterator[PlannedResource]:
    """What `components.private_path.PrivatePath` registers."""
    yield PlannedResource("llmstrat:gateway:PrivatePath", 1, "the component that owns the relay's way to the balancer")
    yield PlannedResource("aws:apigatewayv2/vpcLink:VpcLink", 1, "reaches into the network")
    yield PlannedResource("aws:apigateway/restApi:RestApi", 1, "admits the relay's role only")
    yield PlannedResource("aws:apigateway/restApiPolicy:RestApiPolicy", 1, "denies everyone else")
    yield PlannedResource("aws:apigateway/resource:Resource", 1, "its path")
    yield PlannedResource("aws:apigateway/method:Method", 1, "IAM authorization")
    yield PlannedResource("aws:apigateway/integration:Integration", 1, "streams through the link")
    yield PlannedResource("aws:apigateway/deployment:Deployment", 1, "a snapshot of it")
    yield PlannedResource("aws:apigateway/stage:Stage", 1, "where the snapshot is served")
