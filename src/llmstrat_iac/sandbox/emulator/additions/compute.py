"""EC2, ELBv2, Auto Scaling and SSM's public images: what ministack keeps as names only, made to act.

ministack 1.5.33 drops much of what launch templates, endpoints and rules hold, lets everything be deleted under its
users, launches no instances for a group, and calls every target healthy. The records stay in upstream's own stores, so
that operations that aren't ours find them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import IAM, Addition, Seam, wrap

EC2 = "ministack.services.ec2"
BALANCING = "ministack.services.alb"
SCALING = "ministack.services.autoscaling"
SSM = "ministack.services.ssm"
_REQUEST = ("method", "path", "headers", "body", "query_params")
EC2_REQUEST = Seam(EC2, "handle_request", _REQUEST)


def answer_first(module: str, service: str, handlers: Mapping[str, Callable[..., Any]]) -> None:
    """Put our operations before upstream's."""
    from llmstrat_iac.sandbox.emulator.compute.query import QueryApi, parameters_of

    ours = QueryApi(service, handlers)

    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle_request(method: str, path: str, headers: Any, body: Any, query_params: Any) -> Any:
            answer = ours.answer(parameters_of(body, query_params or {}))
            return answer or await original(method, path, headers, body, query_params)

        return handle_request

    wrap(module, "handle_request", around)


def _install_networks() -> None:
    from llmstrat_iac.sandbox.emulator.compute import endpoints, gateways, interfaces, networks

    handlers = {
        "CreateSubnet": networks.create_subnet, "DeleteSubnet": networks.delete_subnet,
        "DeleteSecurityGroup": networks.delete_security_group, "DeleteVpc": networks.delete_vpc,
        "DetachInternetGateway": networks.detach_internet_gateway,
        "DeleteInternetGateway": networks.delete_internet_gateway, "DeleteRouteTable": networks.delete_route_table,
        "AssociateRouteTable": networks.associate_route_table, "CreateRoute": networks.create_route,
        "ReplaceRoute": networks.replace_route, "DeleteRoute": networks.delete_route,
        "DeletePlacementGroup": networks.delete_placement_group,
        "CreateVpcEndpoint": endpoints.create_endpoint, "ModifyVpcEndpoint": endpoints.modify_endpoint,
        "DescribeVpcEndpoints": endpoints.describe_endpoints, "DeleteVpcEndpoints": endpoints.delete_endpoints,
        "CreateNatGateway": gateways.create_nat_gateway, "DescribeNatGateways": gateways.describe_nat_gateways,
        "DeleteNatGateway": gateways.delete_nat_gateway, "DescribeAddresses": gateways.describe_addresses,
        "ReleaseAddress": gateways.release_address, "DescribeNetworkInterfaces": interfaces.describe,
    }  # fmt: skip
    answer_first(EC2, "ec2", handlers)


def _install_templates() -> None:
    from llmstrat_iac.sandbox.emulator.compute import launch_templates as templates

    handlers = {
        "CreateLaunchTemplate": templates.create, "CreateLaunchTemplateVersion": templates.create_version,
        "DescribeLaunchTemplates": templates.describe, "DescribeLaunchTemplateVersions": templates.describe_versions,
        "ModifyLaunchTemplate": templates.modify, "DeleteLaunchTemplate": templates.delete,
    }  # fmt: skip
    answer_first(EC2, "ec2", handlers)


def _install_types() -> None:
    from llmstrat_iac.sandbox.emulator.compute import instance_types

    handlers = {
        "DescribeInstanceTypes": instance_types.describe_types,
        "DescribeInstanceTypeOfferings": instance_types.describe_offerings,
    }
    answer_first(EC2, "ec2", handlers)


def _install_instances() -> None:
    from llmstrat_iac.sandbox.emulator.compute import instances, machines

    handlers = {
        "RunInstances": instances.run, "DescribeInstances": instances.describe,
        "TerminateInstances": instances.terminate, "StopInstances": instances.stop, "StartInstances": instances.start,
        "DescribeInstanceAttribute": instances.describe_attribute,
        "ModifyInstanceAttribute": instances.modify_attribute,
        "ModifyInstanceMetadataOptions": instances.modify_metadata, "MonitorInstances": instances.monitor,
        "UnmonitorInstances": instances.unmonitor, "DescribeSpotInstanceRequests": instances.spot_requests,
    }  # fmt: skip
    machines.install()
    answer_first(EC2, "ec2", handlers)


def _install_balancers() -> None:
    from llmstrat_iac.sandbox.emulator.compute import forwarding, listeners
    from llmstrat_iac.sandbox.emulator.compute import load_balancers as balancers
    from llmstrat_iac.sandbox.emulator.compute import target_groups as targets

    handlers = {
        "CreateLoadBalancer": balancers.create_balancer, "DescribeLoadBalancers": balancers.describe_balancers,
        "DeleteLoadBalancer": balancers.delete_balancer, "SetSubnets": balancers.set_subnets,
        "SetSecurityGroups": balancers.set_security_groups,
        "ModifyLoadBalancerAttributes": balancers.modify_attributes, "CreateListener": listeners.create_listener,
        "DescribeListeners": listeners.describe_listeners, "ModifyListener": listeners.modify_listener,
        "DeleteListener": listeners.delete_listener, "CreateRule": listeners.create_rule,
        "DescribeRules": listeners.describe_rules, "ModifyRule": listeners.modify_rule,
        "CreateTargetGroup": targets.create_group, "DescribeTargetGroups": targets.describe_groups,
        "ModifyTargetGroup": targets.modify_group, "DeleteTargetGroup": targets.delete_group,
        "RegisterTargets": targets.register, "DeregisterTargets": targets.deregister,
        "DescribeTargetHealth": targets.describe_health,
    }  # fmt: skip
    answer_first(BALANCING, "elbv2", handlers)
    wrap(BALANCING, "_execute_action", forwarding.by_weight)
    wrap(BALANCING, "_forward_to_tg", forwarding.to_the_healthy)
    wrap(BALANCING, "_proxy_http_target", forwarding.to_the_machine)


def _install_groups() -> None:
    from llmstrat_iac.sandbox.emulator.compute import attachments, capacity, groups, instances, refreshes

    handlers = {
        "CreateAutoScalingGroup": groups.create, "DescribeAutoScalingGroups": groups.describe,
        "UpdateAutoScalingGroup": groups.update, "DeleteAutoScalingGroup": groups.delete,
        "SetDesiredCapacity": groups.set_capacity, "TerminateInstanceInAutoScalingGroup": groups.terminate,
        "SetInstanceHealth": groups.set_health, "SetInstanceProtection": groups.set_protection,
        "DescribeAutoScalingInstances": groups.describe_instances,
        "DescribeScalingActivities": groups.describe_activities, "StartInstanceRefresh": refreshes.start,
        "DescribeInstanceRefreshes": refreshes.describe, "CancelInstanceRefresh": refreshes.cancel,
        "AttachLoadBalancerTargetGroups": attachments.attach, "DetachLoadBalancerTargetGroups": attachments.detach,
        "AttachTrafficSources": attachments.attach_sources, "DetachTrafficSources": attachments.detach_sources,
        "EnableMetricsCollection": attachments.enable_metrics,
        "DisableMetricsCollection": attachments.disable_metrics, "SuspendProcesses": attachments.suspend,
        "ResumeProcesses": attachments.resume, "DescribeLifecycleHooks": attachments.describe_hooks,
        "DescribeTags": attachments.describe_tags, "DescribeWarmPool": attachments.describe_warm_pool,
    }  # fmt: skip
    instances.on_end.append(capacity.ended)
    answer_first(SCALING, "autoscaling", handlers)


def _install_images() -> None:
    from ministack.services import ec2

    from llmstrat_iac.sandbox.emulator.compute import images

    def around(original: Callable[[str], Any]) -> Callable[[str], Any]:
        def public_parameter(name: str) -> Any:
            found = original(name)
            value = images.parameter_value(name or "") if found is None else None
            return found if value is None else images.parameter(name, value)

        return public_parameter

    wrap(SSM, "_public_parameter", around)
    ec2._STUB_AMIS.extend(images.stubs())


def _addition(name: str, why: str, seams: tuple[Seam, ...], install: Callable[[], None]) -> Addition:
    return Addition(name=name, why=why, since="1.5.33", before="1.6", seams=seams, install=install)


ADDITIONS = (
    _addition(
        "ec2-networks",
        "what is in use can be deleted, ranges aren't checked, and endpoints, routes and NAT gateways lose members",
        (EC2_REQUEST, Seam(EC2, "_az_id_for_zone_name", ("zone_name",)), Seam(EC2, "_random_ip", ("prefix",))),
        _install_networks,
    ),
    _addition(
        "launch-templates",
        "EFA interfaces, market, capacity, placement and CPU options don't come back",
        (EC2_REQUEST,),
        _install_templates,
    ),
    _addition(
        "instance-types",
        "every type has 8 vCPUs and 4 GiB and no GPU, and nothing says where a type is offered",
        (EC2_REQUEST,),
        _install_types,
    ),
    _addition(
        "instances",
        "launch templates aren't read, instances have no interfaces and never do anything",
        (EC2_REQUEST, Seam(EC2, "_cleanup_terminated", ()), Seam(IAM, "_lookup_instance_profile", ("name", "arn"))),
        _install_instances,
    ),
    _addition(
        "load-balancers",
        "every target is healthy, instances can't be targets, weights are lost, and balancers leave their listeners",
        (
            Seam(BALANCING, "handle_request", _REQUEST),
            Seam(BALANCING, "_execute_action", ("action", "method", "path", "headers", "body", "query_params")),
            Seam(BALANCING, "_forward_to_tg", ("tg_arn", "method", "path", "headers", "body", "query_params")),
            Seam(BALANCING, "_proxy_http_target", ("target", "tg")),
            Seam(BALANCING, "_apply_tls_settings", ("listener", "certs", "policy")),
            Seam(BALANCING, "_lb_attr", ("lb_arn", "key", "default")),
        ),
        _install_balancers,
    ),
    _addition(
        "auto-scaling",
        "groups launch no instances, join no target group and forget most of what they are given",
        (
            Seam(SCALING, "handle_request", _REQUEST),
            Seam(SCALING, "_hook_record", ("asg_name", "hook_name", "fields")),
            Seam(SCALING, "_delete_group_policies", ("asg_name",)),
            Seam(SCALING, "_delete_group_hooks", ("asg_name",)),
        ),
        _install_groups,
    ),
    _addition(
        "deep-learning-images",
        "the public parameters of AWS's deep-learning images and the images aren't there",
        (Seam(SSM, "_public_parameter", ("name",)),),
        _install_images,
    ),
)
