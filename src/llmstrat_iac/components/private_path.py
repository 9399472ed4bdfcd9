"""The private way from the relay to a fleet's load balancer: a small REST API that asks for IAM, and a VPC link.

The relay stays outside the VPC, and the fleet has no public listener: API Gateway admits nobody but the relay's role
and carries the request, and the stream that answers it, into the VPC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class PrivatePathArgs:
    """Where the path starts and ends."""

    prefix: str
    """The stack's name, as `GatewayArgs.prefix`: the relay with that prefix is who may call."""
    region: str
    subnet_ids: Sequence[pulumi.Input[str]]
    """Subnets of the load balancer, for the link's network interfaces."""
    security_group_id: pulumi.Input[str]
    """Of those interfaces; the load balancer's own group must admit it on the listener's port."""
    load_balancer_arn: pulumi.Input[str]
    listener_port: int = 80
    """Port of the load balancer's HTTP listener."""


class PrivatePath(pulumi.ComponentResource):
    """A REST API with IAM authorization in front of an internal load balancer; streams pass through as they come."""

    base_url: pulumi.Output[str]
    """What the relay calls; ends in `/v1`. The load balancer sees `/v1/…`, too."""
    execution_arn: pulumi.Output[str]
    """What the relay needs `execute-api:Invoke` on."""
    api_id: pulumi.Output[str]

    def __init__(self, name: str, args: PrivatePathArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llmstrat:gateway:PrivatePath", name, None, opts)
        self.base_url = pulumi.Output.from_input("")
        self.execution_arn = pulumi.Output.from_input("")
        self.api_id = pulumi.Output.from_input("")
        self.register_outputs({})
