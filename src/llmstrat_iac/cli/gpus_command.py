"""`llmstrat gpus`: the GPU instance types that are known, with what they cost by the hour."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from llmstrat_iac.catalog.gpu_prices import ec2_price, sagemaker_price
from llmstrat_iac.catalog.instances import InstanceType, instances
from llmstrat_iac.cli.options import json_option
from llmstrat_iac.cli.text import UNKNOWN, count, print_json
from llmstrat_iac.errors import LlmstratError


@click.command("gpus")
@click.option("--region", default="us-east-1", show_default=True, help="Prices of this region.")
@json_option
def command(region: str, as_json: bool) -> None:
    """List GPU instance types with memory, vCPUs and prices by the hour."""
    check_region(region)
    if as_json:
        print_json([_document(instance, region) for instance in instances()])
    else:
        _print(region)


def check_region(region: str) -> None:
    """Raise LlmstratError if there is no such AWS region."""
    from llmstrat_iac.catalog.regions import REGIONS
    from llmstrat_iac.spec.names import suggest

    if region not in REGIONS:
        raise LlmstratError(f"--region: there is no AWS region `{region}`", remedy=suggest(region, REGIONS))


def _document(instance: InstanceType, region: str) -> dict[str, Any]:
    ec2, endpoint = ec2_price(instance.name, region), sagemaker_price(instance.name, region, "serving")
    return asdict(instance) | {
        "region": region,
        "ec2_usd_per_hour": ec2.usd,
        "ec2_source": ec2.source,
        "ec2_as_of": ec2.as_of,
        "sagemaker_usd_per_hour": endpoint.usd,
        "sagemaker_source": endpoint.source,
        "sagemaker_as_of": endpoint.as_of,
    }


def _print(region: str) -> None:
    from llmstrat_iac.cli.render import console, print_table, table

    out = console()
    numbers = ("GiB each", "vCPUs", "memory", "EC2", "SageMaker")
    shown = table("type", "GPUs", *numbers, right=numbers, wrap=("GPUs",))
    for instance in instances():
        shown.add_row(
            instance.name,
            f"{instance.accelerators} x {instance.accelerator.removeprefix('NVIDIA ')}",
            f"{instance.accelerator_gib:g}",
            str(instance.vcpus),
            f"{instance.memory_gib:,.0f}",
            _hourly(ec2_price(instance.name, region).usd),
            _hourly(sagemaker_price(instance.name, region, "serving").usd),
        )
    print_table(out, shown)
    out.print(
        f"{count(len(instances()), 'type')}; memory in GiB; USD an hour on demand in {region}, of SageMaker's those of "
        f"endpoints, {UNKNOWN} without a source. `llmstrat fit MODEL` says which of them a model needs."
    )


def _hourly(usd: float | None) -> str:
    return f"[dim]{UNKNOWN}[/]" if usd is None else f"{usd:,.3f}"
