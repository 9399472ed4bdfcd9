"""What whoever deploys must be allowed to do on EC2, beside what all strategies need.

From the API calls of each type in the AWS provider (v6.58.0) and the Service Authorization Reference. EC2 chooses its
ids, so that only the kind of a resource can be named, in one account and region.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.components.ec2.egress import serving_egress, serving_image
from llmstrat_iac.components.ec2.images import AMI_PARAMETER, is_private
from llmstrat_iac.components.ec2.names import Ec2Names
from llmstrat_iac.components.file_system_permissions import file_system_statements
from llmstrat_iac.components.sagemaker.roles import parse_image
from llmstrat_iac.hookspecs import IamStatement, ResolvedSpec
from llmstrat_iac.open_model import ResolvedServing, ResolvedTraining
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.storage import has_file_system

_EC2 = "arn:{partition}:ec2:{region}:{account}:"
_NETWORK = (
    "AssociateRouteTable AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateRoute CreateRouteTable "
    "CreateSecurityGroup CreateSubnet CreateTags CreateVpc CreateVpcEndpoint DeleteRoute DeleteRouteTable "
    "DeleteSecurityGroup DeleteSubnet DeleteTags DeleteVpc DeleteVpcEndpoints DisassociateRouteTable "
    "ModifySecurityGroupRules ModifySubnetAttribute ModifyVpcAttribute ModifyVpcEndpoint "
    "RevokeSecurityGroupEgress RevokeSecurityGroupIngress DescribeVpcAttribute"
)
_NAT = (
    "AllocateAddress AssociateAddress AttachInternetGateway CreateInternetGateway CreateNatGateway "
    "DeleteInternetGateway DeleteNatGateway DetachInternetGateway DisassociateAddress ReleaseAddress"
)
_LOOKS = (
    "DescribeAddresses DescribeAddressesAttribute DescribeAvailabilityZones DescribeImages "
    "DescribeInstanceAttribute DescribeInstanceCreditSpecifications DescribeInstanceStatus "
    "DescribeInstanceTypeOfferings DescribeInstanceTypes DescribeInstances DescribeInternetGateways "
    "DescribeLaunchTemplateVersions DescribeLaunchTemplates DescribeNatGateways DescribeNetworkAcls "
    "DescribeNetworkInterfaces DescribePrefixLists DescribeRouteTables DescribeSecurityGroupRules "
    "DescribeSecurityGroups DescribeSubnets DescribeTags DescribeVolumes DescribeVpcEndpoints DescribeVpcs"
)


def permissions(resolved: ResolvedSpec) -> Iterator[IamStatement]:
    """The statements for the parts of the spec that run on EC2."""
    open_model, names = resolved.open_model, Ec2Names(resolved.stack_name)
    training = open_model.training if open_model and _on_ec2(open_model.training) else None
    serving = open_model.serving if open_model and _on_ec2(open_model.serving) else None
    cluster = resolved.pretraining if _on_ec2(resolved.pretraining) else None
    nat = training or cluster or (serving is not None and serving_egress(serving) == "nat")
    yield from network_permissions(nat=bool(nat))
    yield from _profiles(names)
    yield _statement(
        "ssm",
        "GetParameter",
        ("arn:{partition}:ssm:{region}::parameter" + AMI_PARAMETER,),
        "AWS's newest deep-learning AMI",
    )
    private = [image for image in _images(training, serving) if is_private(image)]
    if private:
        arns = tuple(sorted({parse_image(image).arn for image in private}))
        yield _statement("ecr", "BatchGetImage", arns, "whether the containers are there")
    if training is not None:
        yield from _training(names, spot=training.block.capacity == "spot")
    if cluster is not None:
        yield from _cluster(names, cluster)
    if serving is not None:
        yield from _serving(names)


def _images(training: ResolvedTraining | None, serving: ResolvedServing | None) -> Iterator[str]:
    if training is not None:
        yield str(training.options.image)
    if serving is not None:
        yield serving_image(serving)


def network_permissions(*, nat: bool) -> Iterator[IamStatement]:
    """For a network of the stack's own, whatever runs in it."""
    yield _statement("ec2", _LOOKS, ("*",), "looking around: the calls take no resource")
    kinds = ("vpc", "subnet", "route-table", "security-group", "security-group-rule", "vpc-endpoint")
    yield _statement("ec2", _NETWORK, _ec2(*kinds), "a network of the stack's own; ids are chosen by EC2")
    if nat:
        way_out = _ec2("internet-gateway", "natgateway", "elastic-ip", "subnet", "vpc", "network-interface")
        yield _statement("ec2", f"{_NAT} CreateTags DeleteTags", way_out, "the way out to the hub and to PyPI")


def _training(names: Ec2Names, *, spot: bool) -> Iterator[IamStatement]:
    if spot:
        yield from _group(f"{names.training}-*")
        return
    launched = (*_ec2("instance", "volume", "network-interface", "subnet", "security-group"), _IMAGE)
    yield _statement(
        "ec2",
        "CreateTags DeleteTags ModifyInstanceAttribute ModifyInstanceMetadataOptions MonitorInstances RunInstances "
        "TerminateInstances",
        launched,
        "the training instance; ids are chosen by EC2",
    )


def _cluster(names: Ec2Names, cluster: ResolvedPretraining) -> Iterator[IamStatement]:
    yield from _group(f"{names.cluster}-*")
    placement = (f"{_EC2}placement-group/{names.cluster}",)
    yield _statement(
        "ec2",
        "CreatePlacementGroup CreateTags DeletePlacementGroup DeleteTags RunInstances",
        (*placement, *_ec2("capacity-reservation")),
        "nodes close to each other, or in what is reserved",
    )
    yield _statement(
        "ec2", "DescribeCapacityReservations DescribePlacementGroups", ("*",), "looking: the calls take no resource"
    )
    if has_file_system(cluster):
        yield from file_system_statements(names.cluster)


def _serving(names: Ec2Names) -> Iterator[IamStatement]:
    yield from _group(names.fleet)
    elb = "arn:{partition}:elasticloadbalancing:{region}:{account}:"
    balancer = names.balancer
    yield _statement(
        "elasticloadbalancing",
        "AddTags CreateListener CreateLoadBalancer CreateRule CreateTargetGroup DeleteListener DeleteLoadBalancer "
        "DeleteRule DeleteTargetGroup ModifyListener ModifyListenerAttributes ModifyLoadBalancerAttributes ModifyRule "
        "ModifyTargetGroup ModifyTargetGroupAttributes RemoveTags SetSecurityGroups SetSubnets",
        (
            f"{elb}loadbalancer/app/{balancer}/*",
            f"{elb}targetgroup/{balancer}/*",
            f"{elb}listener/app/{balancer}/*",
            f"{elb}listener-rule/app/{balancer}/*",
        ),
        "the fleet's internal load balancer",
    )
    yield _statement(
        "elasticloadbalancing",
        "DescribeCapacityReservation DescribeListenerAttributes DescribeListeners DescribeLoadBalancerAttributes "
        "DescribeLoadBalancers DescribeRules DescribeTags DescribeTargetGroupAttributes DescribeTargetGroups "
        "DescribeTargetHealth",
        ("*",),
        "looking at load balancers: the calls take no resource",
    )
    links = tuple("arn:{partition}:apigateway:{region}::/" + path for path in ("vpclinks", "vpclinks/*"))
    yield _statement("apigateway", "DELETE GET PATCH POST PUT", links, "the gateway's way into the network")
    yield _statement(
        "iam",
        "CreateServiceLinkedRole",
        tuple(
            "arn:{partition}:iam::{account}:role/aws-service-role/" + each
            for each in (
                "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
                "elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing",
                "ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway",
            )
        ),
        "AWS's own roles for groups, balancers and links, where the account hasn't got them yet",
    )


def _group(name: str) -> Iterator[IamStatement]:
    """An Auto Scaling group and its launch template."""
    group = "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/" + name
    yield _statement(
        "autoscaling",
        "CancelInstanceRefresh CreateAutoScalingGroup CreateOrUpdateTags DeleteAutoScalingGroup DeletePolicy "
        "DeleteScheduledAction DeleteTags PutLifecycleHook PutScalingPolicy PutScheduledUpdateGroupAction "
        "StartInstanceRefresh UpdateAutoScalingGroup",
        (group,),
        "the group of instances",
    )
    yield _statement(
        "autoscaling",
        "DescribeAutoScalingGroups DescribeInstanceRefreshes DescribeLifecycleHooks DescribePolicies "
        "DescribeScalingActivities DescribeScheduledActions DescribeTags DescribeWarmPool",
        ("*",),
        "looking at groups: the calls take no resource",
    )
    launched = (*_ec2("launch-template", "instance", "volume", "network-interface", "subnet", "security-group"), _IMAGE)
    yield _statement(
        "ec2",
        "CreateLaunchTemplate CreateLaunchTemplateVersion CreateTags DeleteLaunchTemplate DeleteTags "
        "ModifyLaunchTemplate RunInstances TerminateInstances",
        launched,
        "what the group launches, which EC2 asks of whoever names a launch template",
    )


def _profiles(names: Ec2Names) -> Iterator[IamStatement]:
    yield _statement(
        "iam",
        "AddRoleToInstanceProfile CreateInstanceProfile DeleteInstanceProfile GetInstanceProfile "
        "RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile",
        ("arn:{partition}:iam::{account}:instance-profile" + names.role_path + "*",),
        "hand the instances their role",
    )


_IMAGE = "arn:{partition}:ec2:{region}::image/*"


def _on_ec2(part: ResolvedTraining | ResolvedServing | ResolvedPretraining | None) -> bool:
    return part is not None and part.runtime.name == "ec2"


def _ec2(*kinds: str) -> tuple[str, ...]:
    return tuple(f"{_EC2}{kind}/*" for kind in kinds)


def _statement(service: str, operations: str, resources: tuple[str, ...], reason: str) -> IamStatement:
    return IamStatement(tuple(f"{service}:{each}" for each in operations.split()), resources, reason)
