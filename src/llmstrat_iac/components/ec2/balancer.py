"""The fleet's load balancer: internal, patient with streams, open to the VPC link alone and for two paths only."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.ec2.names import Ec2Names
from llmstrat_iac.components.ec2.network import Network

LISTENER_PORT = 80
PATHS = ("/v1/*", "/health")
"""vLLM leaves `/metrics`, `/tokenize`, `/server_info` and more open to whoever reaches it."""
IDLE_SECONDS = 3600
"""A stream is silent while a long prompt is read; the balancer's own default, 60 s, would cut it."""
DRAIN_SECONDS = 600
_NOT_FOUND = '{"error": {"message": "no such path", "type": "invalid_request_error", "code": "not_found"}}'


@dataclass(frozen=True)
class Balancer:
    """A load balancer with the groups before and behind it."""

    load_balancer: aws.lb.LoadBalancer
    target_group: aws.lb.TargetGroup
    ready: list[pulumi.Resource]
    """What must be there before requests arrive."""
    link_group: aws.ec2.SecurityGroup
    """Of the VPC link's network interfaces."""
    instance_group: aws.ec2.SecurityGroup
    """Of the instances."""


def create_balancer(
    name: str, names: Ec2Names, network: Network, *, port: int, opts: pulumi.ResourceOptions
) -> Balancer:
    """VPC link, balancer and instances in a chain of security groups: each admits the one before, on one port."""
    link = _group(f"{name}-link", names.group("link"), "Network interfaces of the VPC link", network, opts)
    balancer = _group(f"{name}-balancer", names.group("balancer"), "Internal load balancer", network, opts)
    instances = _group(f"{name}-instances", names.group("instances"), "Instances that serve", network, opts)
    rules = [
        *_passage(f"{name}-balancer", link, balancer, LISTENER_PORT, opts),
        *_passage(f"{name}-instances", balancer, instances, port, opts),
    ]
    network.allow_https_out(name, instances, opts)
    load_balancer = aws.lb.LoadBalancer(
        name,
        aws.lb.LoadBalancerArgs(
            name=names.balancer,
            internal=True,
            load_balancer_type="application",
            security_groups=[balancer.id],
            subnets=network.subnet_ids,
            idle_timeout=IDLE_SECONDS,
            drop_invalid_header_fields=True,
        ),
        opts=opts,
    )
    targets = _target_group(name, names, network, port=port, opts=opts)
    listener = _listener(name, load_balancer, targets, opts)
    return Balancer(load_balancer, targets, [*rules, listener], link, instances)


def _target_group(
    name: str, names: Ec2Names, network: Network, *, port: int, opts: pulumi.ResourceOptions
) -> aws.lb.TargetGroup:
    return aws.lb.TargetGroup(
        name,
        aws.lb.TargetGroupArgs(
            name=names.balancer,
            vpc_id=network.vpc_id,
            target_type="instance",
            protocol="HTTP",
            port=port,
            # Answers differ a hundredfold in length: taking turns would pile them up on one instance.
            load_balancing_algorithm_type="least_outstanding_requests",
            deregistration_delay=DRAIN_SECONDS,
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                # Answered only once the model is loaded, and with 503 when the engine is dead.
                path="/health",
                matcher="200",
                interval=15,
                timeout=10,
                healthy_threshold=2,
                unhealthy_threshold=5,
            ),
        ),
        opts=opts,
    )


def _listener(
    name: str, load_balancer: aws.lb.LoadBalancer, targets: aws.lb.TargetGroup, opts: pulumi.ResourceOptions
) -> aws.lb.ListenerRule:
    """Plain HTTP inside the VPC: an internal balancer has no name that a public certificate could be for."""
    listener = aws.lb.Listener(
        name,
        aws.lb.ListenerArgs(
            load_balancer_arn=load_balancer.arn,
            port=LISTENER_PORT,
            protocol="HTTP",
            default_actions=[
                aws.lb.ListenerDefaultActionArgs(
                    type="fixed-response",
                    fixed_response=aws.lb.ListenerDefaultActionFixedResponseArgs(
                        content_type="application/json", status_code="404", message_body=_NOT_FOUND
                    ),
                )
            ],
        ),
        opts=opts,
    )
    paths = aws.lb.ListenerRuleConditionPathPatternArgs(values=list(PATHS))
    return aws.lb.ListenerRule(
        name,
        aws.lb.ListenerRuleArgs(
            listener_arn=listener.arn,
            priority=1,
            conditions=[aws.lb.ListenerRuleConditionArgs(path_pattern=paths)],
            actions=[aws.lb.ListenerRuleActionArgs(type="forward", target_group_arn=targets.arn)],
        ),
        opts=opts,
    )


def _group(
    logical_name: str, name: str, description: str, network: Network, opts: pulumi.ResourceOptions
) -> aws.ec2.SecurityGroup:
    return aws.ec2.SecurityGroup(
        logical_name,
        aws.ec2.SecurityGroupArgs(name=name, description=description, vpc_id=network.vpc_id),
        opts=opts,
    )


def _passage(
    name: str, source: aws.ec2.SecurityGroup, to: aws.ec2.SecurityGroup, port: int, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """One port from one group to the next, as a rule of both."""
    return [
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-to",
            aws.vpc.SecurityGroupEgressRuleArgs(
                security_group_id=source.id,
                referenced_security_group_id=to.id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
            ),
            opts=opts,
        ),
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-from",
            aws.vpc.SecurityGroupIngressRuleArgs(
                security_group_id=to.id,
                referenced_security_group_id=source.id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
            ),
            opts=opts,
        ),
    ]
