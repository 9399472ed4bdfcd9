"""What the ec2 runtime costs beside the instances, whose cost the strategy adds. Unknown prices stay unknown."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.aws_prices import AwsPrice, aws_price
from llmstrat_iac.catalog.gpu_prices import ec2_price
from llmstrat_iac.components.ec2.egress import NETWORK_ENDPOINTS
from llmstrat_iac.open_model import ResolvedServing, ResolvedTraining
from llmstrat_iac.plan import Basis, CostLine
from llmstrat_iac.runtimes.ec2.options import ServingOptions, TrainingOptions

METRICS = 2
"""Waiting requests and use of the KV cache, each once for the whole fleet."""
ZONES = 2


def instance_price(instance: str, region: str, _use: str, capacity: str) -> AwsPrice:
    """What an instance costs an hour; training and serving cost the same on EC2."""
    return ec2_price(instance, region, capacity)


def network_lines(what: str, region: str, egress: str) -> Iterator[CostLine]:
    """The way out, by the hour; the S3 endpoint is free."""
    if egress == "nat":
        yield _line(f"NAT gateway of the {what}", Basis.HOUR, 1, "nat-gateway-hour", region)
        yield _line(f"Public address of the {what}'s NAT gateway", Basis.HOUR, 1, "public-ipv4-hour", region)
    else:
        interfaces = len(NETWORK_ENDPOINTS) * ZONES
        yield _line(f"Interface endpoints of the {what}", Basis.HOUR, interfaces, "vpc-endpoint-hour", region)


def training_lines(training: ResolvedTraining, options: TrainingOptions) -> Iterator[CostLine]:
    """The root volume while the job runs: at most `max_duration`, of a month's price."""
    duration = training.block.max_duration.duration
    if duration is not None:
        months = duration.total_seconds() / 3600 / 730
        yield _line("EBS: training instance's disk", Basis.ONCE, options.root_gb * months, "ebs-gp3", training.region)


def node_disks(instances: int, root_gb: int, region: str) -> CostLine:
    """A cluster's root volumes, by the hour: they end with the nodes."""
    return _line("EBS: the nodes' disks", Basis.HOUR, instances * root_gb / 730, "ebs-gp3", region)


def serving_lines(serving: ResolvedServing, options: ServingOptions) -> Iterator[CostLine]:
    """Balancer and metrics as long as the stack exists, disks with the instances."""
    block, region = serving.block, serving.region
    yield _line("Application Load Balancer", Basis.HOUR, 1, "alb-hour", region)
    yield _line("CloudWatch: metrics that the fleet scales on", Basis.MONTH, METRICS, "cloudwatch-metric", region)
    share = block.hours.hours_per_week / 168 if block.hours else 1.0
    disks = 0 if block.paused else block.replicas.min * options.root_gb * share
    yield _line("EBS: fleet's disks", Basis.MONTH, disks, "ebs-gp3", region)


def _line(item: str, basis: Basis, quantity: float, price_of: str, region: str) -> CostLine:
    price = aws_price(price_of, region)
    return CostLine(item, basis, quantity, price.unit, price.usd, price.source, price.as_of)
