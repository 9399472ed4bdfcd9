"""Rows of instances, load balancers and Auto Scaling. The `home` ones don't change: others hang on them."""

from __future__ import annotations

import json
from typing import Any

from aws_case import Case, Cloud, Inputs, Made, found
from cases_network import by_filter

_TRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
})  # fmt: skip
_IMAGE = "ami-0c2023a1b2c3d4e5f"
_NOTHING = "aW1hZ2luZQ=="


def _group_exists(aws: Cloud, out: Inputs) -> object:
    found = aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[out["name"]])
    return found["AutoScalingGroups"]


def _of_group(operation: str, member: str, key: str) -> Any:
    """Auto Scaling's word on what belongs to a group, which may be gone."""

    def exists(aws: Cloud, out: Inputs) -> object:
        group = out["autoscalingGroupName"]
        if not aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]:
            return False
        answer = getattr(aws("autoscaling"), operation)(AutoScalingGroupName=group)
        return found(answer[member], **{key: out["id"]})

    return exists


def _listed(operation: str, member: str, key: str, **where: str) -> Any:
    """ELB's word on an ARN, among all of its kind."""

    def exists(aws: Cloud, out: Inputs) -> object:
        arguments = {name: out[prop] for name, prop in where.items()}
        if arguments and not found(
            aws("elbv2").describe_load_balancers()["LoadBalancers"], LoadBalancerArn=arguments["LoadBalancerArn"]
        ):
            return False
        return found(getattr(aws("elbv2"), operation)(**arguments)[member], **{key: out["id"]})

    return exists


def _rule_exists(aws: Cloud, out: Inputs) -> object:
    for balancer in aws("elbv2").describe_load_balancers()["LoadBalancers"]:
        for listener in aws("elbv2").describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
            rules = aws("elbv2").describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
            if found(rules, RuleArn=out["id"]):
                return True
    return False


def _attached(aws: Cloud, out: Inputs) -> object:
    if not found(aws("elbv2").describe_target_groups()["TargetGroups"], TargetGroupArn=out["targetGroupArn"]):
        return False
    health = aws("elbv2").describe_target_health(TargetGroupArn=out["targetGroupArn"])["TargetHealthDescriptions"]
    wanted = {"Id": out["targetId"], "Port": out.get("port", 8000)}
    return any(each["Target"] == wanted for each in health)


def _template_exists(aws: Cloud, out: Inputs) -> object:
    return found(aws("ec2").describe_launch_templates()["LaunchTemplates"], LaunchTemplateId=out["id"])


def _balancer(m: Made) -> dict[str, Any]:
    subnets = [m["home-subnet"].id, m["home-subnet-b"].id]
    return {"internal": True, "subnets": subnets, "security_groups": [m["home-group"].id]}


def _group(m: Made) -> dict[str, Any]:
    return {
        "min_size": 0, "max_size": 2, "desired_capacity": 1, "vpc_zone_identifiers": [m["home-subnet"].id],
        "launch_template": {"id": m["home-template"].id, "version": "$Latest"},
    }  # fmt: skip


def _forward(m: Made) -> dict[str, Any]:
    return {"type": "forward", "target_group_arn": m["home-targets"].arn}


HOMES = (
    Case(
        "instance-role", "aws:iam/role:Role", lambda m: {"assume_role_policy": _TRUST}, None, None,
        lambda aws, out: aws("iam").get_role(RoleName=out["id"]),
    ),
    Case(
        "home-template", "aws:ec2/launchTemplate:LaunchTemplate",
        lambda m: {"image_id": _IMAGE, "instance_type": "t3.micro"}, None, None, _template_exists,
    ),
    Case(
        "home-balancer", "aws:lb/loadBalancer:LoadBalancer", _balancer, None, None,
        _listed("describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
    ),
    Case(
        "home-targets", "aws:lb/targetGroup:TargetGroup",
        lambda m: {"port": 8000, "protocol": "HTTP", "vpc_id": m["home-vpc"].id}, None, None,
        _listed("describe_target_groups", "TargetGroups", "TargetGroupArn"),
    ),
    Case(
        "home-listener", "aws:lb/listener:Listener",
        lambda m: {"load_balancer_arn": m["home-balancer"].arn, "port": 80, "default_actions": [_forward(m)]},
        None, None, _listed("describe_listeners", "Listeners", "ListenerArn", LoadBalancerArn="loadBalancerArn"),
    ),
    Case("home-scaling", "aws:autoscaling/group:Group", _group, None, None, _group_exists),
)  # fmt: skip

COMPUTE = (
    *HOMES,
    Case(
        "instance-profile", "aws:iam/instanceProfile:InstanceProfile",
        lambda m: {"role": m["other-role"].name, "tags": {"team": "a"}},
        lambda m: {"role": m["instance-role"].name, "tags": {"team": "b"}},
        lambda m: {"path": "/other/"},
        lambda aws, out: aws("iam").get_instance_profile(InstanceProfileName=out["id"]),
    ),
    Case(
        "launch-template", "aws:ec2/launchTemplate:LaunchTemplate",
        lambda m: {
            "image_id": _IMAGE, "instance_type": "p5.48xlarge", "user_data": _NOTHING, "update_default_version": True,
            "instance_initiated_shutdown_behavior": "terminate",
            "iam_instance_profile": {"arn": m["instance-profile"].arn},
            "metadata_options": {
                "http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 2,
            },
            "block_device_mappings": [
                {
                    "device_name": "/dev/sda1",
                    "ebs": {
                        "volume_type": "gp3", "volume_size": 200, "encrypted": "true", "delete_on_termination": "true",
                    },
                }
            ],
            "network_interfaces": [
                {
                    "device_index": min(card, 1), "network_card_index": card, "interface_type": "efa",
                    "subnet_id": m["home-subnet"].id, "security_groups": [m["home-group"].id],
                    "associate_public_ip_address": "false",
                }
                for card in range(32)
            ],
            "placement": {"group_name": m["placement-group"].name, "tenancy": "default"},
            "instance_market_options": {"market_type": "spot", "spot_options": {"spot_instance_type": "one-time"}},
            "tag_specifications": [{"resource_type": "instance", "tags": {"team": "a"}}],
            "cpu_options": {"core_count": 96, "threads_per_core": 1}, "monitoring": {"enabled": True},
        },
        lambda m: {
            "instance_type": "p4d.24xlarge", "network_interfaces": None, "cpu_options": None, "description": "second",
            "vpc_security_group_ids": [m["home-group"].id],
            "instance_market_options": {"market_type": "capacity-block"},
            "capacity_reservation_specification": {
                "capacity_reservation_target": {"capacity_reservation_id": "cr-0123456789abcdef0"},
            },
            "tags": {"team": "b"},
        },
        lambda m: {"name": "fidelity-template"},
        _template_exists,
    ),
    Case(
        "instance", "aws:ec2/instance:Instance",
        lambda m: {
            "ami": _IMAGE, "instance_type": "t3.micro", "subnet_id": m["home-subnet"].id,
            "vpc_security_group_ids": [m["home-group"].id], "associate_public_ip_address": False,
            "user_data": "#!/bin/sh\necho one\n", "instance_initiated_shutdown_behavior": "terminate",
            "metadata_options": {
                "http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 2,
            },
            "root_block_device": {"volume_size": 20, "volume_type": "gp3", "encrypted": True},
            "iam_instance_profile": m["instance-profile"].name, "tags": {"team": "a"},
        },
        lambda m: {
            "instance_type": "t3.small", "user_data": "#!/bin/sh\necho two\n", "monitoring": True,
            "vpc_security_group_ids": [m["home-group-b"].id], "instance_initiated_shutdown_behavior": "stop",
            "tags": {"team": "b"},
        },
        lambda m: {"subnet_id": m["home-subnet-b"].id},
        by_filter("describe_instances", "Reservations", "instance-id", instance_state_name=["running"]),
    ),
    Case(
        "balancer", "aws:lb/loadBalancer:LoadBalancer",
        lambda m: {**_balancer(m), "idle_timeout": 3600, "drop_invalid_header_fields": True, "tags": {"team": "a"}},
        lambda m: {"idle_timeout": 4000, "security_groups": [m["home-group-b"].id], "tags": {"team": "b"}},
        lambda m: {"internal": False},
        _listed("describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
    ),
    Case(
        "targets", "aws:lb/targetGroup:TargetGroup",
        lambda m: {
            "port": 8000, "protocol": "HTTP", "vpc_id": m["home-vpc"].id, "deregistration_delay": 600,
            "health_check": {"path": "/health", "interval": 15, "timeout": 10, "healthy_threshold": 2},
            "tags": {"team": "a"},
        },
        lambda m: {
            "deregistration_delay": 30, "load_balancing_algorithm_type": "least_outstanding_requests",
            "health_check": {
                "path": "/ping", "interval": 20, "timeout": 10, "healthy_threshold": 2, "matcher": "200-299",
            },
            "stickiness": {"type": "lb_cookie", "cookie_duration": 60}, "tags": {"team": "b"},
        },
        lambda m: {"port": 8001},
        _listed("describe_target_groups", "TargetGroups", "TargetGroupArn"),
    ),
    Case(
        "listener", "aws:lb/listener:Listener",
        lambda m: {
            "load_balancer_arn": m["home-balancer"].arn, "port": 8080, "protocol": "HTTP",
            "default_actions": [
                {
                    "type": "forward",
                    "forward": {
                        "target_groups": [
                            {"arn": m["home-targets"].arn, "weight": 3}, {"arn": m["targets"].arn, "weight": 1},
                        ]
                    },
                }
            ],
            "tags": {"team": "a"},
        },
        lambda m: {
            "port": 8081,
            "default_actions": [
                {
                    "type": "fixed-response",
                    "fixed_response": {"content_type": "application/json", "status_code": "404", "message_body": "{}"},
                }
            ],
            "tags": {"team": "b"},
        },
        lambda m: {"load_balancer_arn": m["balancer"].arn},
        _listed("describe_listeners", "Listeners", "ListenerArn", LoadBalancerArn="loadBalancerArn"),
    ),
    Case(
        "rule", "aws:lb/listenerRule:ListenerRule",
        lambda m: {
            "listener_arn": m["home-listener"].arn, "priority": 10, "actions": [_forward(m)],
            "conditions": [{"path_pattern": {"values": ["/v1/*", "/health"]}}], "tags": {"team": "a"},
        },
        lambda m: {
            "priority": 20,
            "conditions": [
                {"path_pattern": {"values": ["/v2/*"]}}, {"http_header": {"http_header_name": "x-a", "values": ["b"]}},
            ],
            "tags": {"team": "b"},
        },
        lambda m: {"listener_arn": m["listener"].arn},
        _rule_exists,
    ),
    Case(
        "target", "aws:lb/targetGroupAttachment:TargetGroupAttachment",
        lambda m: {"target_group_arn": m["home-targets"].arn, "target_id": m["instance"].id},
        None,
        lambda m: {"port": 8001},
        _attached,
    ),
    Case(
        "scaling", "aws:autoscaling/group:Group",
        lambda m: {
            **_group(m), "health_check_type": "ELB", "health_check_grace_period": 900,
            "target_group_arns": [m["home-targets"].arn], "default_instance_warmup": 60,
            "tags": [{"key": "team", "value": "a", "propagate_at_launch": True}],
        },
        lambda m: {
            "desired_capacity": 2, "max_size": 3, "vpc_zone_identifiers": [m["home-subnet-b"].id, m["home-subnet"].id],
            "health_check_grace_period": 1200, "target_group_arns": [m["targets"].arn, m["home-targets"].arn],
            "enabled_metrics": ["GroupDesiredCapacity", "GroupInServiceInstances"],
            "instance_maintenance_policy": {"min_healthy_percentage": 100, "max_healthy_percentage": 200},
            "instance_refresh": {
                "strategy": "Rolling", "preferences": {"min_healthy_percentage": 100, "instance_warmup": "30"},
            },
            "tags": [
                {"key": "team", "value": "b", "propagate_at_launch": True},
                {"key": "more", "value": "1", "propagate_at_launch": False},
            ],
        },
        lambda m: {"name": "fidelity-scaling"},
        _group_exists,
    ),
    Case(
        "mixed", "aws:autoscaling/group:Group",
        lambda m: {
            "min_size": 0, "max_size": 1, "vpc_zone_identifiers": [m["home-subnet"].id], "force_delete": True,
            "wait_for_capacity_timeout": "0",
            "mixed_instances_policy": {
                "instances_distribution": {
                    "on_demand_percentage_above_base_capacity": 0, "spot_allocation_strategy": "capacity-optimized",
                },
                "launch_template": {
                    "launch_template_specification": {
                        "launch_template_id": m["home-template"].id, "version": "$Latest",
                    },
                    "overrides": [{"instance_type": "g6.xlarge"}, {"instance_type": "g5.xlarge"}],
                },
            },
        },
        lambda m: {"max_size": 2, "desired_capacity": 1},
        None,
        _group_exists,
    ),
    Case(
        "group-policy", "aws:autoscaling/policy:Policy",
        lambda m: {
            "autoscaling_group_name": m["home-scaling"].name, "policy_type": "TargetTrackingScaling",
            "target_tracking_configuration": {
                "target_value": 4, "customized_metric_specification": {
                    "metric_name": "waiting_requests", "namespace": "llmstrat", "statistic": "Average",
                    "metric_dimensions": [{"name": "AutoScalingGroupName", "value": "g"}],
                },
            },
        },
        lambda m: {
            "target_tracking_configuration": {
                "target_value": 7.5, "disable_scale_in": True,
                "predefined_metric_specification": {"predefined_metric_type": "ASGAverageCPUUtilization"},
            },
        },
        lambda m: {"name": "fidelity-policy"},
        _of_group("describe_policies", "ScalingPolicies", "PolicyName"),
    ),
    Case(
        "group-step-policy", "aws:autoscaling/policy:Policy",
        lambda m: {
            "autoscaling_group_name": m["home-scaling"].name, "policy_type": "StepScaling",
            "adjustment_type": "ChangeInCapacity", "metric_aggregation_type": "Maximum",
            "step_adjustments": [
                {"scaling_adjustment": 1, "metric_interval_lower_bound": "0", "metric_interval_upper_bound": "10"},
                {"scaling_adjustment": 2, "metric_interval_lower_bound": "10"},
            ],
        },
        lambda m: {"step_adjustments": [{"scaling_adjustment": 1, "metric_interval_lower_bound": "0"}]},
        None,
        _of_group("describe_policies", "ScalingPolicies", "PolicyName"),
    ),
    Case(
        "group-schedule", "aws:autoscaling/schedule:Schedule",
        lambda m: {
            "autoscaling_group_name": m["home-scaling"].name, "scheduled_action_name": "stop", "min_size": 0,
            "max_size": 0, "desired_capacity": 0, "recurrence": "0 19 * * 1-5", "time_zone": "Europe/Berlin",
        },
        lambda m: {"recurrence": "0 20 * * *", "max_size": 1},
        lambda m: {"scheduled_action_name": "end"},
        _of_group("describe_scheduled_actions", "ScheduledUpdateGroupActions", "ScheduledActionName"),
    ),
    Case(
        "hook", "aws:autoscaling/lifecycleHook:LifecycleHook",
        lambda m: {
            "autoscaling_group_name": m["home-scaling"].name, "heartbeat_timeout": 480,
            "lifecycle_transition": "autoscaling:EC2_INSTANCE_TERMINATING", "default_result": "CONTINUE",
        },
        lambda m: {"heartbeat_timeout": 600, "notification_metadata": "x"},
        lambda m: {"name": "fidelity-hook"},
        _of_group("describe_lifecycle_hooks", "LifecycleHooks", "LifecycleHookName"),
    ),
)  # fmt: skip
