"""What may be left of a fleet or a training on EC2, what bills first: found by tag, name and path.

The order is that of removal: groups before the instances that they would replace, the network last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from llmstrat_iac.components import leftovers
from llmstrat_iac.components.ec2.names import Ec2Names
from llmstrat_iac.components.ec2.network_leftovers import networks_finder
from llmstrat_iac.components.leftovers import Finder, Found, belongs, pages, unless_absent
from llmstrat_iac.components.names import TAG_STACK
from llmstrat_iac.components.private_path import path_name
from llmstrat_iac.hookspecs import AwsSession, Leftover


def sweep(
    stack_name: str, session: AwsSession, *, remove: bool, sleep: Callable[[float], None] = time.sleep
) -> Iterable[Leftover]:
    """Find what is left, and remove it."""
    finders = [
        Finder("autoscaling group", partial(_groups, stack_name, session)),
        Finder("ec2 instance", partial(_instances, stack_name, session)),
        Finder("ec2 launch template", partial(_templates, stack_name, session)),
        Finder("load balancer", partial(_balancers, stack_name, session)),
        Finder("target group", partial(_target_groups, stack_name, session)),
        Finder("apigateway VPC link", partial(_links, stack_name, session)),
        Finder("iam instance profile", partial(_profiles, stack_name, session)),
        networks_finder(stack_name, session, sleep),
        Finder("elastic IP", partial(_addresses, stack_name, session)),
    ]
    return leftovers.sweep(finders, remove=remove)


def tag_filter(stack_name: str) -> list[dict[str, Any]]:
    """By the stack's tag, as EC2 and Auto Scaling take it."""
    return [{"Name": f"tag:{TAG_STACK}", "Values": [stack_name]}]


def _groups(stack_name: str, session: AwsSession) -> Iterator[Found]:
    """With `ForceDelete` its instances go, too, without waiting for answers or hooks."""
    client = session.client("autoscaling")
    filters = tag_filter(stack_name)
    for group in pages(client, "describe_auto_scaling_groups", "AutoScalingGroups", Filters=filters):
        # A group that is being deleted has a status.
        if group.get("Status"):
            continue
        name = group["AutoScalingGroupName"]
        remove = partial(client.delete_auto_scaling_group, AutoScalingGroupName=name, ForceDelete=True)
        detail = f"{len(group.get('Instances') or ())} instances"
        yield Found("autoscaling group", name, detail, billed=bool(group.get("Instances")), remove=remove)


def _instances(stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("ec2")
    states = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
    filters = [*tag_filter(stack_name), states]
    for reservation in pages(client, "describe_instances", "Reservations", Filters=filters):
        for instance in reservation["Instances"]:
            identity = instance["InstanceId"]
            remove = partial(client.terminate_instances, InstanceIds=[identity])
            yield Found("ec2 instance", identity, instance["InstanceType"], billed=True, remove=remove)


def _templates(stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("ec2")
    for template in pages(client, "describe_launch_templates", "LaunchTemplates", Filters=tag_filter(stack_name)):
        identity = template["LaunchTemplateId"]
        remove = partial(client.delete_launch_template, LaunchTemplateId=identity)
        yield Found("ec2 launch template", identity, template["LaunchTemplateName"], billed=False, remove=remove)


def _balancers(stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("elbv2")
    names = [Ec2Names(stack_name).balancer]
    answer = unless_absent(lambda: client.describe_load_balancers(Names=names))
    for each in (answer or {}).get("LoadBalancers") or ():
        arn = each["LoadBalancerArn"]
        if _elb_belongs(client, arn, stack_name):
            remove = partial(client.delete_load_balancer, LoadBalancerArn=arn)
            yield Found("load balancer", arn, each["LoadBalancerName"], billed=True, remove=remove)


def _target_groups(stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("elbv2")
    names = [Ec2Names(stack_name).balancer]
    answer = unless_absent(lambda: client.describe_target_groups(Names=names))
    for each in (answer or {}).get("TargetGroups") or ():
        arn = each["TargetGroupArn"]
        if _elb_belongs(client, arn, stack_name):
            remove = partial(client.delete_target_group, TargetGroupArn=arn)
            yield Found("target group", arn, each["TargetGroupName"], billed=False, remove=remove)


def _elb_belongs(client: Any, arn: str, stack_name: str) -> bool:
    described = client.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    return any(belongs(each["Tags"], stack_name) for each in described)


def _links(stack_name: str, session: AwsSession) -> Iterator[Found]:
    """Before the network: the link holds network interfaces in it."""
    client = session.client("apigatewayv2")
    for link in _all_links(client):
        if link["Name"] == path_name(stack_name) and belongs(link.get("Tags", {}), stack_name):
            if link.get("VpcLinkStatus") == "DELETING":
                continue
            remove = partial(client.delete_vpc_link, VpcLinkId=link["VpcLinkId"])
            yield Found("apigateway VPC link", link["VpcLinkId"], link["Name"], billed=False, remove=remove)


def _all_links(client: Any) -> Iterator[Any]:
    """All of the region's; botocore has no paginator for them."""
    token: str | None = None
    while True:
        page = client.get_vpc_links(**({"NextToken": token} if token else {}))
        yield from page.get("Items") or ()
        token = page.get("NextToken")
        if not token:
            return


def _profiles(stack_name: str, session: AwsSession) -> Iterator[Found]:
    """Before the roles, which the gateway's sweep removes."""
    client, path = session.client("iam"), Ec2Names(stack_name).role_path
    for profile in pages(client, "list_instance_profiles", "InstanceProfiles", PathPrefix=path):
        if profile["Path"] == path:
            name = profile["InstanceProfileName"]
            roles = [role["RoleName"] for role in profile.get("Roles") or ()]
            remove = partial(_remove_profile, client, name, roles)
            yield Found("iam instance profile", name, "", billed=False, remove=remove)


def _remove_profile(client: Any, name: str, roles: list[str]) -> None:
    for role in roles:
        client.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role)
    client.delete_instance_profile(InstanceProfileName=name)


def _addresses(stack_name: str, session: AwsSession) -> Iterator[Found]:
    """After the NAT gateways that held them."""
    client = session.client("ec2")
    for address in client.describe_addresses(Filters=tag_filter(stack_name))["Addresses"]:
        identity = address["AllocationId"]
        remove = partial(client.release_address, AllocationId=identity)
        yield Found("elastic IP", identity, address.get("PublicIp", ""), billed=True, remove=remove)
